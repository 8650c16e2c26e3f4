/* Recordings that were set aside or do not get on: why, since when, and another try. */

import * as api from "./api.js";
import { askReason } from "./dialog.js";
import { h, icon, notice, press } from "./dom.js";
import { exactMoment } from "./format.js";

const DISCARDING = "What is left of the recording is destroyed and cannot be brought back. That it was, when, by whom and why stays in the record.";
const STATES = { quarantined: "Set aside", recording: "Interrupted" };

/** `rights` as the contacts page has them; `chosen` is called when something was done. Empty while there is nothing. */
export function quarantine(rights, done) {
  const box = notice();
  const list = h("ul", { class: "aside" });
  const count = h("span", {});
  const element = h("details", { class: "card quarantine", hidden: true },
    h("summary", {}, icon("warning"), count), box.element, list);
  const load = async () => {
    const { Recordings } = await api.quarantined();
    element.hidden = !Recordings.length;
    count.textContent = `${Recordings.length} ${Recordings.length === 1 ? "recording needs" : "recordings need"} a look`;
    list.replaceChildren(...Recordings.map((one) => entry(one, rights, box, async () => { await load(); done(); })));
  };
  return { element, load };
}

function entry({ ContactId: contact, State: state, Reason: reason, Since: since }, rights, box, done) {
  const retry = h("button", { type: "button", class: "small", onclick: () => press(retry, box, async () => {
    await api.retry(contact);
    await done();
  }) }, icon("refresh"), "Try again");
  const discard = h("button", { type: "button", class: "small refuse", onclick: async () => {
    const why = await askReason({ title: "Discard the recording", text: DISCARDING, action: "Discard for good", danger: true });
    if (why) await press(discard, box, async () => { await api.deleteRecordings(contact, why); await done(); });
  } }, icon("trash"), "Discard");
  const aside = state === "quarantined";
  const about = aside ? "" : " It is tried again by itself.";
  return h("li", {},
    h("div", {}, h("b", {}, STATES[state] ?? `Waiting, ${state}`), h("p", {}, `${reason}.${about}`),
      h("small", {}, h("a", { href: `#/contacts/${encodeURIComponent(contact)}` }, "Contact"), since ? `, ${exactMoment(since)}` : "")),
    aside && h("div", { class: "choices" }, retry, rights.delete && discard));
}
