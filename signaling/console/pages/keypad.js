/* Twelve keys whose digits the caller's side receives. What was pressed is shown nowhere: it may be a secret. */

import { h } from "./dom.js";

const KEYS = [..."123456789*0#"];
const NAMES = { "*": "Star", "#": "Hash" };

/** `send` is told each digit. Typed digits count while a key or the heading has the focus. */
export function keypad(send) {
  const key = (digit) =>
    h("button", { type: "button", class: "key", "aria-label": NAMES[digit] ?? digit, onclick: () => send(digit) }, digit);
  const typed = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !KEYS.includes(event.key)) return;
    event.preventDefault();
    send(event.key);
  };
  return h("details", { class: "keypad", onkeydown: typed }, h("summary", {}, "Keypad"),
    h("div", { class: "keys", role: "group", "aria-label": "Keypad" }, KEYS.map(key)));
}
