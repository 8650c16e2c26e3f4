/* The line to the server: JSON-RPC 2.0 over a WebSocket that comes back after a cut and resumes its session. */

const SUBPROTOCOL = "telephonist.v1";
const ANSWER_TIMEOUT = 15_000;
const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 8_000;
const NOT_SIGNED_IN = 4401;

/** A refusal by the server (its code), or `code` "cut" (the line was lost first), "timeout", "closed", "microphone". */
export class SoftphoneError extends Error {
  constructor(code, message, data = null) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

/**
 * Events: `state` (detail: {state: "connecting" | "open" | "reconnecting" | "closed", reason}), `opened` (detail: the
 * result of session.open), `notification` (detail: {method, params}).
 */
export class Line extends EventTarget {
  #url = "";
  #token = null;
  #socket = null;
  #seq = null; // of the last notification; null: the state was lost, ask for the snapshot
  #waiting = new Map();
  #lastId = 0;
  #pause = FIRST_PAUSE;
  #timer = 0;
  #turn = 0; // of the attempts: an older one that is still waiting for its token gives way
  #storage;
  #key;

  state = "closed";

  constructor(storage, key) {
    super();
    this.#storage = storage;
    this.#key = key;
  }

  /** `token` is a token, or an async function that fetches a new one and so lets the line outlive its session. */
  connect(url, token) {
    this.#url = url;
    this.#token = token;
    this.#pause = FIRST_PAUSE;
    this.#setState("connecting");
    return this.#attempt();
  }

  /** Ends the line. The session can be resumed for a while, by a page that is reloaded, unless it is forgotten. */
  close({ forget = true, reason = "closed" } = {}) {
    clearTimeout(this.#timer);
    if (forget) this.#storage.removeItem(this.#key);
    this.#turn += 1;
    this.#drop();
    this.#seq = null;
    this.#setState("closed", reason);
  }

  /** Drops the connection and makes a new one at once: for a network that has changed. */
  reconnect() {
    if (this.state === "closed") return;
    clearTimeout(this.#timer);
    this.#pause = FIRST_PAUSE;
    this.#drop();
    this.#setState("reconnecting");
    this.#attempt();
  }

  /** Resolves with the result; rejects with a SoftphoneError. */
  call(method, params = {}) {
    if (this.state !== "open") {
      return Promise.reject(new SoftphoneError("cut", "There is no connection to the server just now. Try again in a moment."));
    }
    return this.#request(method, params);
  }

  #request(method, params) {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#giveUp(id), ANSWER_TIMEOUT);
      this.#waiting.set(id, { resolve, reject, timer });
      this.#socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    });
  }

  #giveUp(id) {
    this.#settle(id, ({ reject }) => reject(new SoftphoneError("timeout", "The server did not answer. Try again.")));
    this.reconnect();
  }

  #settle(id, how) {
    const entry = this.#waiting.get(id);
    if (!entry) return;
    this.#waiting.delete(id);
    clearTimeout(entry.timer);
    how(entry);
  }

  async #attempt() {
    const turn = ++this.#turn;
    const stored = this.#stored();
    let token = null;
    try {
      token = stored ? null : await this.#fetchToken();
    } catch (error) {
      if (turn !== this.#turn) return;
      if (error.code === NOT_SIGNED_IN) this.close({ reason: "unauthorized" });
      else this.#retry();
      return;
    }
    if (turn !== this.#turn || this.state === "closed") return;
    const socket = new WebSocket(this.#url, SUBPROTOCOL);
    this.#socket = socket;
    socket.onopen = () => this.#open(socket, stored, token);
    socket.onmessage = (event) => socket === this.#socket && this.#receive(JSON.parse(event.data));
    socket.onclose = (event) => socket === this.#socket && this.#ended(event);
  }

  async #fetchToken() {
    const token = this.#token;
    if (typeof token === "function") return token();
    if (token === null) throw new SoftphoneError(NOT_SIGNED_IN, "The token was used. Sign in again.");
    this.#token = null; // it is good once
    return token;
  }

  async #open(socket, stored, token) {
    const resume = stored && { ...stored, ...(this.#seq === null ? {} : { seq: this.#seq }) };
    try {
      const opened = await this.#request("session.open", resume ? { resume } : { token });
      this.#opened(opened);
    } catch (error) {
      if (socket !== this.#socket || error.code !== NOT_SIGNED_IN) return;
      this.#refused(Boolean(stored));
    }
  }

  #opened(opened) {
    this.#storage.setItem(this.#key, JSON.stringify({ session: opened.session, secret: opened.secret }));
    this.#seq = opened.seq;
    this.#pause = FIRST_PAUSE;
    this.dispatchEvent(new CustomEvent("opened", { detail: opened }));
    this.#setState("open");
  }

  #refused(resumed) {
    // The session is over or the token was too old: start anew with a fresh token, if that can be had.
    this.#storage.removeItem(this.#key);
    this.#seq = null;
    this.#drop();
    if (resumed || typeof this.#token === "function") this.#retry();
    else this.close({ reason: "unauthorized" });
  }

  #receive(message) {
    if (!("method" in message)) {
      const { id, result, error } = message;
      this.#settle(id, ({ resolve, reject }) =>
        error ? reject(new SoftphoneError(error.code, error.message, error.data)) : resolve(result));
    } else if (message.method === "session.closed") {
      this.#closedByServer(message.params.reason);
    } else if (message.params.seq === this.#seq + 1) {
      this.#seq = message.params.seq;
      this.dispatchEvent(new CustomEvent("notification", { detail: message }));
    } else {
      this.#seq = null; // one is missing: come back for the snapshot
      this.#lost();
    }
  }

  #closedByServer(reason) {
    if (reason === "draining") this.#lost();
    else this.close({ reason });
  }

  #ended(event) {
    if (event.reason === "origin") this.close({ reason: "origin" }); // trying again would not help
    else this.#lost();
  }

  #lost() {
    this.#drop();
    if (this.state === "closed") return;
    this.#setState("reconnecting");
    this.#retry();
  }

  #retry() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#attempt(), this.#pause * (0.75 + Math.random() / 2));
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE);
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    if (socket) socket.close();
    for (const id of [...this.#waiting.keys()]) {
      this.#settle(id, ({ reject }) => reject(new SoftphoneError("cut", "The connection was lost. Try again when it is back.")));
    }
  }

  #stored() {
    try {
      return JSON.parse(this.#storage.getItem(this.#key));
    } catch {
      return null;
    }
  }

  #setState(state, reason = null) {
    this.state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: { state, reason } }));
  }
}
