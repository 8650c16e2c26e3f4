/* The agent's page: the status on one side, the contacts on the other. */

import { ContactCard } from "./contact-card.js";
import { dialBox } from "./dial.js";
import { h, icon, notice, press } from "./dom.js";
import { duration } from "./format.js";
import { microphoneSettings } from "./microphone.js";

const TICK = 250;
const ENDPOINTS = { browser: "Calls in this browser", phone: "Calls on my phone" };

/** `connect` signs the softphone in again, after its session was taken elsewhere. */
export function agentPage(phone, connect) {
  const box = notice();
  const status = statusPanel(phone, box);
  const dial = dialBox(phone);
  const cards = new Map();
  const stack = h("div", { class: "stack" });
  const idle = h("section", { class: "empty" });
  const element = h("div", { class: "agent-page" },
    h("aside", {}, h("div", { class: "card status" }, status.element, microphoneSettings()), dial.element),
    h("div", { class: "contacts" }, box.element, stack, idle));

  const showIdle = () => {
    dial.show();
    idle.hidden = cards.size > 0;
    if (!idle.hidden) idle.replaceChildren(...idleText(phone, () => connect().catch((error) => box.say(error.message))));
  };
  const showContact = (contact) => {
    const card = cards.get(contact.contactId) ?? new ContactCard(phone);
    card.show(contact);
    if (!cards.has(contact.contactId)) stack.prepend(card.element);
    cards.set(contact.contactId, card);
    showIdle();
  };
  const listeners = {
    agent: () => { status.show(); showIdle(); },
    contact: ({ detail }) => showContact(detail),
    removed: ({ detail }) => {
      box.say(null);
      cards.get(detail)?.close();
      cards.get(detail)?.element.remove();
      cards.delete(detail);
      showIdle();
    },
    media: ({ detail }) => {
      cards.get(detail.contactId)?.showMedia();
      if (detail.connection === "connected") box.say(null); // what it said of the sound is over
    },
    error: ({ detail }) => box.say(detail.message),
    state: () => { status.show(); showIdle(); },
  };
  for (const [name, listener] of Object.entries(listeners)) phone.addEventListener(name, listener);
  const timer = setInterval(() => { status.tick(); cards.forEach((card) => card.tick()); }, TICK);
  status.show();
  phone.contacts.forEach(showContact);
  showIdle();
  const close = () => {
    clearInterval(timer);
    cards.forEach((card) => card.close());
    for (const [name, listener] of Object.entries(listeners)) phone.removeEventListener(name, listener);
  };
  return { element, close };
}

function statusPanel(phone, box) {
  const name = h("h2", {}, "…");
  const since = h("p", { class: "since" });
  const next = h("p", { class: "next", hidden: true });
  const choices = h("div", { class: "statuses", role: "radiogroup", "aria-label": "Choose your status", onkeydown: moveByArrows });
  const places = h("div", { class: "statuses", role: "radiogroup", "aria-label": "Choose where you take calls", onkeydown: moveByArrows });
  const element = h("div", { role: "group", "aria-label": "Status" },
    h("p", { class: "eyebrow" }, "Your status"), name, since, choices, next, places);
  let drawn = "";

  const check = (chosen) => [...choices.children].forEach((choice) =>
    choice.setAttribute("aria-checked", choice.textContent === chosen));
  const undo = (error) => { show(); throw error; };
  const draw = (agent) => {
    drawn = JSON.stringify(agent.statuses);
    choices.replaceChildren(...agent.statuses.map((status) => {
      const set = () => { check(status); press(choice, box, () => phone.setStatus(status).catch(undo)); };
      const look = { type: "button", role: "radio", class: `choice ${toneOf(status)}` };
      const choice = h("button", { ...look, onclick: set }, h("span", { class: "dot" }), status);
      return choice;
    }));
  };
  const drawPlaces = ({ endpoint, endpoints }) => {
    const all = Object.keys(ENDPOINTS).filter((one) => one === endpoint || endpoints.includes(one));
    places.hidden = all.length < 2;
    const said = JSON.stringify([all, endpoint, endpoints]);
    if (places.dataset.drawn === said) return;
    places.dataset.drawn = said;
    places.replaceChildren(...all.map((one) => {
      const set = () => press(choice, box, () => phone.setEndpoint(one));
      const look = { type: "button", role: "radio", class: "choice", "aria-checked": String(one === endpoint) };
      const choice = h("button", { ...look, onclick: set }, h("span", { class: "dot" }), ENDPOINTS[one]);
      return choice;
    }));
  };
  const tick = () => { if (phone.agent) since.textContent = `for ${duration(phone.now - phone.agent.since)}`; };
  const show = () => {
    const { agent } = phone;
    choices.classList.toggle("away", phone.state !== "open");
    if (!agent) return;
    if (drawn !== JSON.stringify(agent.statuses)) draw(agent);
    name.textContent = agent.status;
    name.className = toneOf(agent.status);
    check(agent.nextStatus ?? agent.status);
    drawPlaces(agent);
    next.hidden = !agent.nextStatus;
    next.textContent = `Next, when you have cleared your contact: ${agent.nextStatus}`;
    tick();
  };
  return { element, show, tick };
}

/** Moves the focus only: choosing takes a key of its own, since it takes effect at once. */
function moveByArrows(event) {
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const choices = [...event.currentTarget.children];
  choices.at((choices.indexOf(document.activeElement) + step) % choices.length).focus();
}

function toneOf(status) {
  return { Available: "good", Offline: "quiet" }[status] ?? "warn";
}

function idleText({ agent, state }, again) {
  if (state === "closed") {
    return [h("span", { class: "emblem" }, icon("warning")), h("h2", {}, "The softphone is not connected"),
      h("p", {}, "You may have signed in on another computer or in another tab. It rings there."),
      h("button", { class: "primary", type: "button", onclick: again }, "Use it here")];
  }
  if (!agent) return [h("p", {}, "Connecting…")];
  if (agent.routable) {
    return [h("span", { class: "emblem waiting" }, icon("headset")), h("h2", {}, "Ready for calls"),
      h("p", {}, "The next call rings here.")];
  }
  if (agent.endpoint === "phone" && !agent.endpoints.includes("phone")) {
    return [h("span", { class: "emblem" }, icon("warning")), h("h2", {}, "Your phone is not registered"),
      h("p", {}, "No calls are offered to you until it is, or until you take them in this browser.")];
  }
  const advice = agent.status === "Available"
    ? "You are not offered calls just now. Clear your contacts, or ask your supervisor for a queue."
    : `You are ${agent.status}, so no calls are offered to you. Choose Available when you are ready.`;
  return [h("span", { class: "emblem" }, icon("headset")), h("h2", {}, "No calls for now"), h("p", {}, advice)];
}
