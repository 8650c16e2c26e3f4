/* One contact of the agent, from its ring to the end of the after-contact work. */

import { h, icon, notice, press } from "./dom.js";
import { ALARMS, duration, number, OUTCOMES, PROGRESS, reason, RECORDING } from "./format.js";
import { keypad } from "./keypad.js";
import { Meter } from "./meter.js";
import { recordingControls } from "./recording-controls.js";
import { transfer } from "./transfer.js";

const OFFER = 20; // seconds
const ENDINGS = {
  ENDED: ["After-contact work", "Finish your notes, then clear the contact to get the next one.", "work"],
  MISSED: ["Missed call", "It was not accepted in time and goes to another agent. Clear it to get calls again.", "warn"],
  REJECTED: ["Rejected call", "It goes to another agent. Clear it to get calls again.", "warn"],
  ERROR: ["The call failed", "Clear it to get calls again. If it happens again, tell your supervisor.", "bad"],
};

const kindOf = (state) => (state === "INCOMING" ? "ringing" : state in ENDINGS ? "over" : "talking");

export class ContactCard {
  #phone;
  #contact = null;
  #box = notice();
  #body = null;

  element = h("article", { class: "card contact" });

  constructor(phone) {
    this.#phone = phone;
  }

  /** Shows the contact as it is now; elements stay where they are while its kind of state stays. */
  show(contact) {
    const before = this.#contact;
    this.#contact = contact;
    if (!before || kindOf(before.state) !== kindOf(contact.state)) this.#draw();
    this.element.dataset.state = contact.state;
    this.#body.update?.(contact);
    this.tick();
  }

  showMedia() {
    this.#body.update?.(this.#contact);
  }

  tick() {
    this.#body.tick?.(this.#contact, this.#phone.now);
  }

  close() {
    this.#body?.close?.();
  }

  #draw() {
    this.close();
    this.#box.say(null);
    const make = { ringing, talking, over }[kindOf(this.#contact.state)];
    const act = (button, name, ...rest) => press(button, this.#box, () => this.#phone[name](this.#contact.contactId, ...rest));
    const ask = (name, ...rest) =>
      this.#phone[name](this.#contact.contactId, ...rest).catch((error) => this.#box.say(error.message));
    this.#body = make(this.#contact, this.#phone, act, ask);
    this.element.replaceChildren(...this.#body.elements, this.#box.element, ...attributes(this.#contact));
  }
}

function button(label, name, classes, press) {
  const element = h("button", { type: "button", class: classes, onclick: () => press(element) }, icon(name), label);
  return element;
}

function caller(contact, eyebrow) {
  return h("div", { class: "caller" },
    h("p", { class: "eyebrow" }, eyebrow),
    h("h2", { class: "number" }, number(contact.customer)),
    h("p", { class: "facts" }, h("span", { class: "tag" }, contact.queue),
      h("span", {}, `${contact.outbound ? "shown" : "dialled"} ${contact.system || "–"}`)));
}

function attributes({ attributes: pairs }) {
  const rows = Object.entries(pairs).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)));
  return rows.length ? [h("dl", { class: "attributes" }, rows)] : [];
}

function ringing(contact, phone, act) {
  const left = h("b", {});
  const clock = h("div", { class: "countdown", role: "timer", "aria-label": "Seconds left to accept" }, left);
  const elements = [
    h("div", { class: "head", role: "alert" }, caller(contact, "Incoming call"), clock),
    h("div", { class: "actions" },
      button("Accept", "phone", "accept", (self) => act(self, "accept")),
      button("Reject", "cross", "refuse", (self) => act(self, "reject"))),
  ];
  const tick = ({ expiresAt }, now) => {
    const seconds = Math.max(0, (expiresAt ?? now) - now);
    left.textContent = Math.ceil(seconds);
    clock.style.setProperty("--part", Math.min(1, seconds / OFFER));
  };
  return { elements, tick };
}

function talking(contact, phone, act, ask) {
  const timer = h("span", { class: "timer", role: "timer", "aria-label": "Time connected" });
  const badge = h("span", { class: "badge recording" });
  const state = h("p", { class: "sound", role: "status" });
  const alarms = h("div", { class: "alarms", role: "alert" });
  const again = button("Connect the sound again", "refresh", "plain", (self) => act(self, "renew"));
  const [you, them] = [new Meter("You", "agent"), new Meter(contact.outbound ? "Called" : "Caller", "customer")];
  const meters = h("div", { class: "meters" }, you.element, them.element);
  const pressed = (self) => self.getAttribute("aria-pressed") === "true";
  const toggle = (label, name, glyph) => button(label, glyph, "toggle", (self) => act(self, name, !pressed(self)));
  const [mute, hold] = [toggle("Mute", "mute", "mic"), toggle("Hold", "hold", "hold")];
  const recording = recordingControls(act);
  const others = transfer(phone, act);
  const keys = keypad((digit) => ask("sendDigits", digit));
  const elements = [
    h("div", { class: "head" }, caller(contact, contact.outbound ? "Your call" : "On the line"),
      h("div", { class: "side" }, timer, badge)),
    h("div", { class: "sounds" }, state, again), alarms, meters,
    h("div", { class: "actions" }, mute, hold, button("Hang up", "hangup", "refuse", (self) => act(self, "hangup"))),
    others.element,
    recording.element,
    keys,
  ];
  let frame = 0;
  const move = () => {
    you.set(phone.level("local", contact.contactId));
    them.set(phone.level("remote", contact.contactId));
    frame = requestAnimationFrame(move);
  };
  move();
  const update = (now) => {
    mute.setAttribute("aria-pressed", now.muted);
    hold.setAttribute("aria-pressed", now.onHold);
    mute.hidden = now.outbound && now.state === "CONNECTING"; // there is nobody yet
    hold.hidden = mute.hidden || hasLeft(now);
    const party = (now.participants ?? []).some((one) => one.number && one.state === "CONNECTED" && !one.onHold);
    keys.hidden = now.state !== "CONNECTED" && !(now.state === "CONNECTED_ONHOLD" && party);
    const [text, tone] = RECORDING[now.recording];
    badge.textContent = text;
    badge.className = `badge recording ${tone}`;
    others.update(now);
    recording.update(now);
    showAlarms(alarms, now);
    const away = now.endpoint === "phone";
    again.hidden = away || phone.hasMedia(now.contactId);
    meters.hidden = away;
    const here = () => (again.hidden ? soundOf(now, phone.connection(now.contactId)) : "The sound is not connected.");
    state.textContent = away ? soundOfPhone(now) : here();
  };
  const tick = (current, now) => {
    timer.textContent = current.connectedAt ? duration(now - current.connectedAt) : "–:––";
    recording.tick(current, now);
  };
  return { elements, update, tick, close: () => cancelAnimationFrame(frame) };
}

function showAlarms(box, { customerAlarm, agentAlarm }) {
  const texts = [ALARMS.customer[customerAlarm], ALARMS.agent[agentAlarm]].filter(Boolean);
  if (texts.join() === [...box.children].map((badge) => badge.textContent).join()) return;
  box.replaceChildren(...texts.map((text) => h("span", { class: "badge warn" }, text)));
}

const hasLeft = ({ participants = [] }) =>
  participants.length > 0 && !participants.some((one) => one.participantId === "customer");

function soundOf({ muted, onHold, parked, state, progress, participants = [] }, connection) {
  if (state === "CONNECTING" && connection === "connected" && progress) return PROGRESS[progress];
  if (state === "CONNECTING" || connection === "new" || connection === "connecting") return "Connecting the sound…";
  if (connection !== "connected") return "The sound is interrupted and is being connected again.";
  if (parked) return "Another agent has put you on hold: you hear music, and nobody hears you.";
  const colleague = participants.find((one) => one.participantId !== "customer" && one.state === "CONNECTED" && !one.onHold);
  if (colleague && hasLeft({ participants }))
    return `The caller has left; you talk with ${colleague.name || colleague.number}.`;
  if (onHold && colleague) return `You talk with ${colleague.name || colleague.number}; the caller hears music.`;
  if (onHold) return "On hold: the caller hears music and not you.";
  return muted ? "Muted: the caller does not hear you." : "";
}

function soundOfPhone({ muted, onHold, state, progress, participants = [] }) {
  if (progress && progress !== "dialling") return PROGRESS[progress];
  if (state === "CONNECTING") return "Your phone is being called.";
  if (hasLeft({ participants })) return "The caller has left; you talk on.";
  if (onHold) return "On hold: the caller hears music and not you.";
  return muted ? "Muted: the caller does not hear you." : "On your phone.";
}

function over(contact, phone, act) {
  const tone = ENDINGS[contact.state][2];
  const since = h("span", { class: "timer", role: "timer", "aria-label": "Time since" });
  const heading = h("p", { class: "eyebrow" });
  const text = h("p", { class: "advice" });
  const why = h("p", { class: "reason" });
  const elements = [
    h("div", { class: `head ${tone}` }, caller(contact, heading), h("div", { class: "side" }, since)),
    why, text,
    h("div", { class: "actions" }, button("Clear contact", "check", "primary", (self) => act(self, "clear"))),
  ];
  const update = (now) => {
    const told = now.state === "ERROR" && now.reason === now.outcome ? OUTCOMES[now.outcome] : null;
    [heading.textContent, text.textContent] = told ?? ENDINGS[now.state];
    why.textContent = now.reason && !told ? `${reason(now.reason)}.` : "";
  };
  return { elements, update, tick: ({ state, since: from }, now) => {
    since.textContent = `${duration(now - from)}${state === "ENDED" ? "" : " ago"}`;
  } };
}
