/* The supervisor's page: finished contacts of a time range, and one of them in detail. */

import * as api from "./api.js";
import { contactDetails } from "./contact-details.js";
import { save } from "./dialog.js";
import { h, icon, notice, press } from "./dom.js";
import { duration, moment, number, reason } from "./format.js";
import { quarantine } from "./quarantine.js";
import { steps } from "./recording-steps.js";

const HOUR = 3600;
const DAY = 24 * HOUR;
const RANGES = [["Last hour", HOUR], ["Last 24 hours", DAY], ["Last 7 days", 7 * DAY], ["Last 8 weeks", 56 * DAY]];
const PAGE = 50;
const COLUMNS = ["Begun", "Caller", "Queue", "Agent", "Duration", "Ended", "Recording"];

/** `rights` are {listen, download, delete, hold, quarantine, audit}; `chosen` is a contact's id; `expired` is called when the sign-in has ended. */
export function contactsPage(me, rights, chosen, expired) {
  const box = notice();
  const list = new ContactList(me, rights, box, expired);
  const details = h("section", { class: "details", "aria-label": "Contact", hidden: true });
  const aside = quarantine(rights, () => list.search());
  const finder = h("div", { class: "finder" }, list.controls, box.element, aside.element, list.element);
  const element = h("div", { class: "contacts-page" }, finder, details);
  let open = null;
  const go = (contact) => {
    open?.close();
    open = contact ? contactDetails(me, rights, contact) : null;
    list.mark(contact);
    details.hidden = !open;
    details.replaceChildren(...(open ? [open.element] : []));
    if (open) details.scrollIntoView({ block: "nearest" });
  };
  go(chosen);
  list.search();
  if (rights.quarantine) aside.load().catch((error) => box.say(error.message));
  return { element, go, close: () => open?.close() };
}

class ContactList {
  #me;
  #box;
  #expired;
  #contacts = [];
  #token = null;
  #chosen = null;
  #picked = new Set();
  #choosable = false;
  #export = h("button", { type: "button", class: "plain", hidden: true, onclick: () => this.#save() }, icon("download"), h("span", {}));
  #body = h("tbody");
  #empty = h("div", { class: "empty small", hidden: true });
  #count = h("p", { class: "count", role: "status" });
  #more = h("button", { type: "button", class: "plain", hidden: true, onclick: () => this.#fetch(this.#more) }, "Show more");
  #range = h("select", { "aria-label": "Time range", onchange: () => this.search() },
    RANGES.map(([label, seconds]) => h("option", { value: seconds, selected: seconds === DAY }, label)));
  #filter = h("input",
    { type: "search", placeholder: "Number, queue or agent", "aria-label": "Filter", oninput: () => this.#draw() });
  #refresh = h("button", { type: "button", class: "plain", onclick: () => this.search() }, icon("refresh"), "Refresh");

  constructor(me, rights, box, expired) {
    this.#me = me;
    this.#choosable = rights.download;
    this.#box = box;
    this.#expired = expired;
    this.controls = h("div", { class: "controls" }, h("h1", {}, "Contacts"), this.#range, this.#filter, this.#export, this.#refresh);
    const names = COLUMNS.map((name) => h("th", { scope: "col", class: name.toLowerCase() }, name));
    const pick = this.#choosable && h("th", { class: "pick" }, h("span", { class: "unseen" }, "Export"));
    const head = h("thead", {}, h("tr", {}, pick, names));
    const table = h("table", { "aria-label": "Finished contacts", onkeydown: moveByArrows }, head, this.#body);
    const foot = h("footer", {}, this.#count, this.#more);
    this.element = h("div", { class: "card list" }, h("div", { class: "scroll" }, table), this.#empty, foot);
  }

  search() {
    this.#contacts = [];
    this.#token = null;
    this.#picked.clear();
    this.#showPicked();
    return this.#fetch(this.#refresh);
  }

  mark(contact) {
    this.#chosen = contact;
    for (const row of this.#body.rows) row.toggleAttribute("aria-selected", row.dataset.contact === contact);
  }

  #pick(id, on) {
    if (on) this.#picked.add(id);
    else this.#picked.delete(id);
    this.#showPicked();
  }

  #showPicked() {
    const { size } = this.#picked;
    this.#export.hidden = !size;
    this.#export.lastChild.textContent = `Export ${size} ${size === 1 ? "recording" : "recordings"}`;
  }

  #save() {
    return press(this.#export, this.#box, async () => {
      save(await api.exportUrl([...this.#picked]));
      this.#picked.clear();
      this.#showPicked();
      this.#draw();
    });
  }

  #pickCell(contact) {
    if (!this.#choosable) return null;
    const { Id, CustomerEndpoint: from, Telephonist: { Recording: recording } = {} } = contact;
    const there = recording && !recording.Deleted && ["verified", "released"].includes(recording.State);
    const label = `Export the recording of ${from?.Address ?? "a withheld number"}`;
    const box = there && h("input", { type: "checkbox", "aria-label": label, checked: this.#picked.has(Id), onchange: () => this.#pick(Id, box.checked) });
    return h("td", { class: "pick", onclick: (event) => event.stopPropagation() }, box);
  }

  #fetch(button) {
    return press(button, this.#box, async () => {
      const page = await api.searchContacts(this.#query()).catch((error) => {
        if (error.status === 401) this.#expired();
        throw error;
      });
      this.#contacts.push(...page.Contacts);
      this.#token = page.NextToken ?? null;
      this.#draw(page.TotalCount);
    });
  }

  #query() {
    const now = Math.ceil(Date.now() / 1000);
    const range = { Type: "INITIATION_TIMESTAMP", StartTime: now - Number(this.#range.value), EndTime: now };
    const next = this.#token ? { NextToken: this.#token } : {};
    return { InstanceId: this.#me.tenant.instance, TimeRange: range, MaxResults: PAGE, ...next };
  }

  #draw(total = null) {
    const words = this.#filter.value.toLowerCase().trim();
    const found = this.#contacts.filter((contact) => textOf(contact).includes(words));
    this.#body.replaceChildren(...found.map((contact) => row(contact, this.#pickCell(contact))));
    this.mark(this.#chosen);
    this.#more.hidden = !this.#token;
    this.#count.textContent = total === null ? `${found.length} shown` : `${found.length} of ${total}`;
    this.#count.hidden = !found.length;
    this.#empty.hidden = found.length > 0;
    this.#empty.replaceChildren(...(this.#contacts.length ? NO_MATCH : NOTHING).map((make) => make()));
  }
}

const NO_MATCH = [
  () => h("h2", {}, "Nothing matches the filter"),
  () => h("p", {}, "It looks only at the contacts that are shown: clear it, or show more."),
];
const NOTHING = [
  () => h("span", { class: "emblem" }, icon("wave")),
  () => h("h2", {}, "No contacts in this time"),
  () => h("p", {}, "Finished contacts appear here. Choose a longer time range to see older ones."),
];

function textOf({ CustomerEndpoint, Telephonist }) {
  return [CustomerEndpoint?.Address, Telephonist?.Queue, Telephonist?.Agent].join(" ").toLowerCase();
}

function row(contact, pick) {
  const { Id, CustomerEndpoint, Telephonist: ours = {}, InitiationTimestamp: begun, DisconnectTimestamp: ended } = contact;
  const link = h("a", { href: `#/contacts/${Id}` }, moment(begun));
  const open = () => { location.hash = link.getAttribute("href"); };
  return h("tr", { "data-contact": Id, onclick: open }, pick,
    h("td", {}, link),
    h("td", { class: "number" }, CustomerEndpoint ? number(CustomerEndpoint.Address) : "–"),
    h("td", {}, ours.Queue ?? "–"),
    h("td", {}, ours.Agent ?? "–"),
    h("td", { class: "figure" }, ended ? duration(ended - begun) : "–"),
    h("td", { class: "ended" }, reason(contact.DisconnectReason)),
    h("td", {}, ours.LegalHold ? h("span", { class: "held", title: "Legal hold" }, icon("lock")) : null, steps(ours.Recording)));
}

function moveByArrows(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  const links = [...event.currentTarget.querySelectorAll("a")];
  const next = links[links.indexOf(document.activeElement) + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
}
