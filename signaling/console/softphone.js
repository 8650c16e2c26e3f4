/*
 * The softphone as a module that any page may embed: no dependencies, no build step.
 *
 *   const phone = new Softphone();
 *   phone.addEventListener("contact", ({ detail }) => show(detail));
 *   await phone.connect("wss://host:8444/", fetchToken);   // an async function that gives a fresh token
 *   await phone.setStatus("Available");   // … later, when a contact is INCOMING:
 *   await phone.accept(contactId);
 *
 * Events (each with `detail`): `state` {state: connecting | open | reconnecting | closed, reason}; `agent`, the agent;
 * `contact`, a contact that came or changed; `removed`, a contact's id; `media` {contactId, connection}; `error`, a
 * SoftphoneError of something that was not asked for. Agents and contacts are as docs/softphone.md describes them.
 * Requests reject with a SoftphoneError: its `message` is for people, its `code` for programs.
 */

import { Line, SoftphoneError } from "./softphone-line.js";
import { Media } from "./softphone-media.js";

export { SoftphoneError };

const TALKING = new Set(["CONNECTING", "CONNECTED", "CONNECTED_ONHOLD"]);
const LIVE = new Set(["INCOMING", ...TALKING]);
const MICROPHONE_ERRORS = {
  NotAllowedError: "This page may not use the microphone. Allow it in the browser's address bar and try again.",
  NotFoundError: "There is no microphone. Connect one and try again.",
  NotReadableError: "The microphone is in use by another program. Close that and try again.",
};

export class Softphone extends EventTarget {
  #line;
  #media = new Map();
  #context = null;
  #constraints;
  #clock = 0;
  #stale = false; // the network has changed: the media must find a new way, though nobody has noticed yet

  agent = null;
  contacts = new Map();

  /**
   * `key` tells the sessions of different users apart in `storage`; `microphone`: constraints of getUserMedia, or a
   * function that gives them.
   */
  constructor({ storage = sessionStorage, key = "telephonist", microphone = () => ({}) } = {}) {
    super();
    this.#constraints = typeof microphone === "function" ? microphone : () => microphone;
    this.#line = new Line(storage, key);
    this.#line.addEventListener("state", ({ detail }) => this.#stateChanged(detail));
    this.#line.addEventListener("opened", ({ detail }) => this.#opened(detail));
    this.#line.addEventListener("notification", ({ detail }) => this.#told(detail.method, detail.params));
    addEventListener("online", () => this.#networkChanged());
  }

  get state() {
    return this.#line.state;
  }

  /** Seconds on the server's clock. */
  get now() {
    return Date.now() / 1000 + this.#clock;
  }

  /** `token`: a token, or an async function that fetches one. A session left by a reload of the page is resumed instead. */
  connect(url, token) {
    return this.#line.connect(url, token);
  }

  /** Hangs up nothing: calls can be taken over for two minutes. */
  disconnect() {
    this.#line.close();
    this.#closeMedia();
  }

  setStatus(status) {
    return this.#line.call("agent.setStatus", { status });
  }

  /** Places a call; resolves with its contact's id. The sound is connected by itself, and nobody is called before. */
  async dial(number) {
    return (await this.#line.call("contact.dial", { number })).contactId;
  }

  /** Where contacts are taken from the next one on: "browser" or "phone", one of `agent.endpoints`. */
  setEndpoint(endpoint) {
    return this.#line.call("agent.setEndpoint", { endpoint });
  }

  /** Opens the microphone, offers, and resolves when the server has answered. On a phone there is nothing to open. */
  accept(contactId) {
    if (this.contacts.get(contactId)?.endpoint === "phone") return this.#line.call("contact.accept", { contactId });
    return this.#startMedia(contactId, "contact.accept");
  }

  reject(contactId) {
    return this.#line.call("contact.reject", { contactId });
  }

  /** The microphone falls silent at once, the server takes nothing of it either. */
  async mute(contactId, on) {
    if (on) this.#media.get(contactId)?.mute(true);
    try {
      await this.#line.call("contact.mute", { contactId, on });
      this.#media.get(contactId)?.mute(on);
    } catch (error) {
      this.#media.get(contactId)?.mute(this.contacts.get(contactId)?.muted ?? false);
      throw error;
    }
  }

  /** `participantId`: "customer", another one's as the contact tells it, or "all"; to take all back joins them. */
  hold(contactId, on, participantId = "customer") {
    return this.#line.call("contact.hold", { contactId, on, participantId });
  }

  /** Asks another one into the call, by one of `agent.quickConnects`; meanwhile the caller hears music. */
  transfer(contactId, quickConnectId) {
    return this.#line.call("contact.transfer", { contactId, quickConnectId });
  }

  /** The same with somebody by his phone number, for agents who may dial. */
  callIn(contactId, number) {
    return this.#line.call("contact.transfer", { contactId, number });
  }

  /** Takes another agent or a third party out of the call, or asks him no longer. */
  drop(contactId, participantId) {
    return this.#line.call("contact.drop", { contactId, participantId });
  }

  /** `digits`: 0-9 * # A-D. The caller's side receives them; nobody here hears them. */
  sendDigits(contactId, digits) {
    return this.#line.call("contact.sendDigits", { contactId, digits });
  }

  hangup(contactId) {
    return this.#line.call("contact.hangup", { contactId });
  }

  clear(contactId) {
    return this.#line.call("contact.clear", { contactId });
  }

  /** Silence in the recording until it is resumed; the call goes on. */
  suspendRecording(contactId) {
    return this.#line.call("recording.suspend", { contactId });
  }

  resumeRecording(contactId) {
    return this.#line.call("recording.resume", { contactId });
  }

  /** For good. */
  stopRecording(contactId) {
    return this.#line.call("recording.stop", { contactId });
  }

  /** Begins or ends a secure pause. `ends`: {digits, pound, seconds}, each as wanted. */
  securePause(contactId, on, ends = {}) {
    return this.#line.call("recording.securePause", { contactId, on, ...ends });
  }

  /** Connects the sound of a call anew. It happens by itself, except after a microphone that could not be opened. */
  async renew(contactId) {
    const media = this.#media.get(contactId);
    if (media) await media.renew();
    else await this.#startMedia(contactId, "media.renew");
  }

  /** How loud `side` ("local" or "remote") is now, 0 to 1, of one contact or of the one there is. */
  level(side, contactId = this.#media.keys().next().value) {
    return this.#media.get(contactId)?.level(side) ?? 0;
  }

  /** The state of the contact's peer connection, "new" if it has none here. */
  connection(contactId) {
    return this.#media.get(contactId)?.connection ?? "new";
  }

  /** Whether this page has the contact's sound, or is connecting it. */
  hasMedia(contactId) {
    return this.#media.has(contactId);
  }

  stats(contactId = this.#media.keys().next().value) {
    return this.#media.get(contactId)?.stats();
  }

  #opened({ now, snapshot }) {
    this.#clock = now - Date.now() / 1000;
    if (snapshot) this.#replaceAll(snapshot);
    else this.contacts.forEach((contact) => this.#takeOver(contact));
  }

  #replaceAll({ agent, contacts }) {
    this.#tell("agent", (this.agent = agent));
    const there = new Set(contacts.map(({ contactId }) => contactId));
    [...this.contacts.keys()].filter((id) => !there.has(id)).forEach((id) => this.#removed(id));
    contacts.forEach((contact) => this.#changed(contact));
  }

  #told(method, params) {
    if (method === "agent.changed") this.#tell("agent", (this.agent = params.agent));
    else if (method === "contact.changed") this.#changed(params.contact);
    else if (method === "contact.removed") this.#removed(params.contactId);
  }

  #changed(contact) {
    this.contacts.set(contact.contactId, contact);
    this.#media.get(contact.contactId)?.mute(contact.muted);
    if (!LIVE.has(contact.state)) this.#closeMedia(contact.contactId);
    this.#tell("contact", contact);
    this.#takeOver(contact);
  }

  #removed(contactId) {
    this.contacts.delete(contactId);
    this.#closeMedia(contactId);
    this.#tell("removed", contactId);
  }

  /** A call goes on that this page has no media of: the page was reloaded, or the call was on another device. */
  #takeOver(contact) {
    if (!TALKING.has(contact.state) || this.#media.has(contact.contactId) || contact.endpoint === "phone") return;
    // Not before the line is open: a snapshot is told just before that.
    queueMicrotask(() => this.renew(contact.contactId).catch((error) => this.#tell("error", error)));
  }

  async #startMedia(contactId, method) {
    this.#closeMedia(contactId);
    this.#context ??= new AudioContext();
    this.#context.resume(); // after a reload it waits for the first click; only the meters need it
    const exchange = (name, sdp) => this.#line.call(name, { contactId, sdp });
    const media = new Media(exchange, this.#context, this.#constraints());
    media.addEventListener("connection", ({ detail }) => this.#tell("media", { contactId, connection: detail }));
    media.addEventListener("error", ({ detail }) => this.#tell("error", asSoftphoneError(detail)));
    this.#media.set(contactId, media);
    media.mute(this.contacts.get(contactId)?.muted ?? false);
    try {
      await media.start(method);
    } catch (error) {
      if (this.#media.get(contactId) === media) this.#closeMedia(contactId);
      this.#tell("media", { contactId, connection: this.connection(contactId) });
      throw asSoftphoneError(error);
    }
  }

  #closeMedia(contactId = null) {
    for (const [id, media] of this.#media) {
      if (contactId !== null && id !== contactId) continue;
      media.close();
      this.#media.delete(id);
    }
  }

  #stateChanged(detail) {
    this.#tell("state", detail);
    if (detail.state === "closed") this.#closeMedia();
    if (detail.state !== "open") return;
    this.#media.forEach((media) => (this.#stale || media.connection === "failed") && media.renew());
    this.#stale = false;
  }

  #networkChanged() {
    this.#stale = true;
    this.#line.reconnect();
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

function asSoftphoneError(error) {
  if (error instanceof SoftphoneError) return error;
  const message = MICROPHONE_ERRORS[error.name];
  if (message) return new SoftphoneError("microphone", message);
  return new SoftphoneError("media", `The browser could not connect the sound: ${error.message}`);
}
