/* The others in the call: whom to ask in, who is there, and what may be done with each. */

import { h, icon } from "./dom.js";
import { OUTCOMES, PROGRESS } from "./format.js";

const BY_NUMBER = "*number*"; // no quick connect has this for its id
const KINDS = { USER: "", QUEUE: " (queue)", PHONE_NUMBER: " (phone)" };

/** `act(button, name, ...rest)` asks the softphone. Returns {element, update}. */
export function transfer(phone, act) {
  const button = (label, glyph, look, ask) =>
    h("button", { type: "button", class: look, onclick: ({ currentTarget }) => ask(currentTarget) }, icon(glyph), label);
  const choices = h("select", { "aria-label": "Transfer to", onchange: () => choose() });
  const typed = h("input", {
    type: "tel", "aria-label": "Phone number", autocomplete: "off", placeholder: "+49 30 123456", maxlength: "40",
    onkeydown: (event) => event.key === "Enter" && ask.click(),
  });
  const begin = (self) => (choices.value === BY_NUMBER ? act(self, "callIn", typed.value) : act(self, "transfer", choices.value));
  const ask = button("Transfer", "transfer", "small", begin);
  const asking = h("div", { class: "row asking" }, choices, typed, ask);
  const unreached = h("p", { class: "unreached", role: "status" });
  const list = h("ul", { class: "participants", "aria-label": "In the call" });
  const join = button("Join all", "join", "small primary", (self) => act(self, "hold", false, "all"));
  const park = button("Hold all", "hold", "small", (self) => act(self, "hold", true, "all"));
  const together = h("div", { class: "row" }, join, park);
  const element = h("div", { class: "transfer", role: "group", "aria-label": "Transfer" }, unreached, asking, list, together);
  let drawn = "";

  const choose = () => {
    typed.hidden = choices.value !== BY_NUMBER;
  };

  const row = ({ participantId, name, state, onHold, muted, number, progress }) => {
    const customer = participantId === "customer";
    const hold = () => button(onHold ? "Take back" : "Hold", "hold", "small plain", (self) => act(self, "hold", !onHold, participantId));
    const drop = () => button(state === "ASKED" ? "Cancel" : "Drop", "cross", "small plain", (self) => act(self, "drop", participantId));
    const asked = progress ? PROGRESS[progress] : "is being asked";
    const how = state === "ASKED" ? asked : onHold ? "on hold" : muted ? "muted" : "in the call";
    return h("li", { "data-participant": participantId },
      h("b", {}, customer ? "Caller" : name || number || "Another agent"), h("span", { class: "how" }, how),
      state === "CONNECTED" && hold(), !customer && drop());
  };
  const update = ({ state, participants = [], parked, onHold: waits, unreached: why }) => {
    const now = JSON.stringify([participants, phone.agent?.quickConnects, phone.agent?.mayDial, state, parked, waits, why]);
    if (now === drawn) return;
    drawn = now;
    const chosen = choices.value;
    const known = phone.agent?.quickConnects ?? [];
    const options = known.map(({ id, name, type }) => h("option", { value: id }, `${name}${KINDS[type] ?? ""}`));
    if (phone.agent?.mayDial) options.push(h("option", { value: BY_NUMBER }, "A phone number…"));
    choices.replaceChildren(...options);
    if (options.some(({ value }) => value === chosen)) choices.value = chosen;
    choose();
    const others = participants.filter(({ participantId }) => participantId !== "customer");
    const asked = others.some((one) => one.state === "ASKED");
    if (others.length) typed.value = ""; // what was dialled is in the call by now
    const failed = waits && !others.length ? OUTCOMES[why] : null;
    unreached.hidden = !failed;
    unreached.textContent = failed ? `${failed[0]}. ${failed[1]} The caller still waits: take him back.` : "";
    asking.hidden = asked || !options.length || !participants.length;
    list.hidden = together.hidden = !others.length;
    list.replaceChildren(...participants.map(row));
    join.hidden = asked || !(parked || participants.some(({ onHold }) => onHold));
    park.hidden = asked || participants.every(({ onHold }) => onHold);
    element.hidden = asking.hidden && list.hidden;
  };
  return { element, update };
}
