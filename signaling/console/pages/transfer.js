/* The others in the call: whom to ask in, who is there, and what may be done with each. */

import { h, icon } from "./dom.js";

/** `act(button, name, ...rest)` asks the softphone. Returns {element, update}. */
export function transfer(phone, act) {
  const button = (label, glyph, look, ask) =>
    h("button", { type: "button", class: look, onclick: ({ currentTarget }) => ask(currentTarget) }, icon(glyph), label);
  const choices = h("select", { "aria-label": "Transfer to" });
  const ask = button("Transfer", "transfer", "small", (self) => act(self, "transfer", choices.value));
  const asking = h("div", { class: "row asking" }, choices, ask);
  const list = h("ul", { class: "participants", "aria-label": "In the call" });
  const join = button("Join all", "join", "small primary", (self) => act(self, "hold", false, "all"));
  const park = button("Hold all", "hold", "small", (self) => act(self, "hold", true, "all"));
  const together = h("div", { class: "row" }, join, park);
  const element = h("div", { class: "transfer", role: "group", "aria-label": "Transfer" }, asking, list, together);
  let drawn = "";

  const row = ({ participantId, name, state, onHold, muted }) => {
    const customer = participantId === "customer";
    const hold = () => button(onHold ? "Take back" : "Hold", "hold", "small plain", (self) => act(self, "hold", !onHold, participantId));
    const drop = () => button(state === "ASKED" ? "Cancel" : "Drop", "cross", "small plain", (self) => act(self, "drop", participantId));
    const how = state === "ASKED" ? "is being asked" : onHold ? "on hold" : muted ? "muted" : "in the call";
    return h("li", { "data-participant": participantId },
      h("b", {}, customer ? "Caller" : name || "Another agent"), h("span", { class: "how" }, how),
      state === "CONNECTED" && hold(), !customer && drop());
  };
  const update = ({ state, participants = [], parked }) => {
    const now = JSON.stringify([participants, phone.agent?.quickConnects, state, parked]);
    if (now === drawn) return;
    drawn = now;
    const chosen = choices.value;
    const known = phone.agent?.quickConnects ?? [];
    choices.replaceChildren(...known.map(({ id, name, type }) => h("option", { value: id }, type === "QUEUE" ? `${name} (queue)` : name)));
    if (known.some(({ id }) => id === chosen)) choices.value = chosen;
    const others = participants.filter(({ participantId }) => participantId !== "customer");
    const asked = others.some((one) => one.state === "ASKED");
    asking.hidden = asked || !known.length || !participants.length;
    list.hidden = together.hidden = !others.length;
    list.replaceChildren(...participants.map(row));
    join.hidden = asked || !(parked || participants.some(({ onHold }) => onHold));
    park.hidden = asked || participants.every(({ onHold }) => onHold);
    element.hidden = asking.hidden && list.hidden;
  };
  return { element, update };
}
