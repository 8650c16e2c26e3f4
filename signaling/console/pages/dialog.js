/* Asks for a reason before something is done that is kept for good, and fetches files. */

import { h } from "./dom.js";

const LONGEST = 500;

/** Resolves to the reason, or to null when it is not to be done. `danger` makes the button say so. */
export function askReason({ title, text, action, danger = false }) {
  const reason = h("textarea", { rows: "3", maxlength: String(LONGEST), required: true, "aria-label": "Reason" });
  const confirm = h("button", { class: danger ? "danger" : "primary", value: "yes", disabled: true }, action);
  reason.addEventListener("input", () => { confirm.disabled = !reason.value.trim(); });
  const cancel = h("button", { type: "button", class: "plain", onclick: () => dialog.close() }, "Cancel");
  const form = h("form", { method: "dialog" },
    h("h2", {}, title), h("p", {}, text), h("label", {}, "Reason", reason),
    h("div", { class: "choices" }, cancel, confirm));
  const dialog = h("dialog", { class: "card", "aria-label": title }, form);
  document.body.append(dialog);
  dialog.showModal();
  reason.focus();
  return new Promise((resolve) => dialog.addEventListener("close", () => {
    dialog.remove();
    resolve(dialog.returnValue === "yes" ? reason.value.trim() : null);
  }));
}

/** Lets the browser save what is at this address. */
export function save(url) {
  const link = h("a", { href: url, download: "" });
  document.body.append(link);
  link.click();
  link.remove();
}
