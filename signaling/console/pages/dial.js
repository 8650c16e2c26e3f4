/* Places a call: a number and a button, for agents who may. */

import { h, icon, notice, press } from "./dom.js";

/** `phone`: the Softphone. `show` says how things are: whether the agent may dial, and whether he is free to. */
export function dialBox(phone) {
  const box = notice();
  const input = h("input", {
    type: "tel", id: "dial-number", autocomplete: "off", placeholder: "+49 30 123456", maxlength: "40", required: true,
  });
  const call = h("button", { type: "submit", class: "accept" }, icon("phone"), "Call");
  const dial = async () => {
    await phone.dial(input.value);
    input.value = ""; // what was dialled is in the contact, and nobody else's to see here
  };
  const submit = (event) => {
    event.preventDefault();
    press(call, box, dial).then(() => show());
  };
  const form = h("form", { class: "dial", onsubmit: submit },
    h("label", { for: "dial-number" }, "Call a number"), h("div", { class: "row" }, input, call));
  const element = h("section", { class: "card dial-box", hidden: true }, form, box.element);
  const show = () => {
    const busy = phone.state !== "open" || phone.contacts.size > 0;
    element.hidden = !phone.agent?.mayDial;
    [input, call].forEach((control) => (control.disabled = busy));
  };
  return { element, show };
}
