/* Plays a recording: both sides as waveforms, the caller on the left channel, the agent on the right. */

import { save } from "./dialog.js";
import { h, icon, press } from "./dom.js";
import { duration } from "./format.js";
import { Waveform } from "./waveform.js";

const STEP = 5; // seconds of an arrow key
const CUSTOMER = 1; // his index, in every recording
const SPEEDS = ["1", "1.25", "1.5", "2"];

/** Of the sound of one party alone: the agent of the recording, the customer, or whoever joined them. */
function trackName(parties, index) {
  if (parties.find((party) => party.index === index)?.role === "agent") return "Agent alone";
  return index <= CUSTOMER ? "Customer alone" : `Party ${index + 1} alone`;
}

export class Player {
  #audio;
  #wave;
  #length;
  #frame = 0;
  #time = h("span", { class: "time" });
  #play = h("button", { type: "button", class: "primary round", onclick: () => this.toggle() });
  #problem = h("p", { class: "notice", role: "alert", hidden: true });
  #source;
  #at = 0; // where to begin, while there is no sound yet
  #opening = null;

  /** `source` gives an address for a purpose, "LISTEN" or "DOWNLOAD", and a party's index if his own sound is wanted;
   * nothing is asked of it before it is wanted, since it is kept who listened. `peaks` as GET /recordings/{id}/peaks
   * gives them. */
  constructor(source, peaks, download) {
    this.#source = source;
    this.#length = peaks.duration_ms / 1000;
    this.#audio = new Audio();
    this.#wave = new Waveform(peaks, (part) => this.seek(part * this.#length));
    for (const name of ["play", "pause", "ended", "seeked"]) this.#audio.addEventListener(name, () => this.#show());
    this.#audio.addEventListener("error", () => this.#reopen());
    this.#wave.slider.addEventListener("keydown", (event) => this.#key(event));
    const speed = h("select", { "aria-label": "Speed", onchange: () => (this.#audio.playbackRate = Number(speed.value)) },
      SPEEDS.map((value) => h("option", { value }, `${value}×`)));
    const track = download && peaks.tracks.length > 0 && h("select", { "aria-label": "Which sound to download" },
      h("option", { value: "" }, "Both sides"),
      peaks.tracks.map((party) => h("option", { value: party }, trackName(peaks.parties, party))));
    const file = download && h("button", { type: "button", class: "plain",
      onclick: () => this.#download(file, track && track.value !== "" ? Number(track.value) : undefined) },
      icon("download"), "Download");
    this.element = h("section", { class: "player", "aria-label": "Recording" },
      this.#wave.element,
      h("div", { class: "transport" }, this.#play, this.#time, h("span", { class: "space" }), speed, track, file),
      this.#problem);
    this.#show();
  }

  async toggle() {
    if (!this.#audio.paused) return this.#audio.pause();
    try {
      await (this.#opening ??= this.#open());
      await this.#audio.play();
    } catch (error) {
      if (error.name !== "AbortError") this.#fail(error.status === undefined ? undefined : error.message);
    }
  }

  seek(seconds) {
    this.#at = Math.min(this.#length, Math.max(0, seconds));
    if (this.#opening) this.#audio.currentTime = this.#at;
    this.#show();
  }

  close() {
    cancelAnimationFrame(this.#frame);
    this.#audio.pause();
    this.#audio.removeAttribute("src");
    this.#wave.close();
  }

  async #open() {
    this.#audio.src = await this.#source("LISTEN");
    this.#audio.currentTime = this.#at;
    this.#problem.hidden = true;
  }

  /** The address was good for a time only: a player that was left alone asks for another, once. */
  #reopen() {
    if (this.#audio.currentTime === 0 || !this.#opening) return this.#fail();
    this.#at = this.#audio.currentTime;
    this.#opening = null;
    this.toggle();
  }

  async #download(button, track) {
    const box = { say: (message) => { this.#problem.hidden = !message; this.#problem.textContent = message ?? ""; } };
    await press(button, box, async () => save(await this.#source("DOWNLOAD", track)));
  }

  #position() {
    return this.#audio.src ? this.#audio.currentTime : this.#at;
  }

  #key(event) {
    const now = this.#position();
    const moves = { ArrowLeft: now - STEP, ArrowRight: now + STEP, Home: 0, End: this.#length };
    if (event.key === " ") this.toggle();
    else if (event.key in moves) this.seek(moves[event.key]);
    else return;
    event.preventDefault();
  }

  #show() {
    cancelAnimationFrame(this.#frame);
    const { paused } = this.#audio;
    const currentTime = this.#position();
    this.#time.textContent = `${duration(currentTime)} / ${duration(this.#length)}`;
    this.#wave.show(this.#length ? currentTime / this.#length : 0, this.#time.textContent);
    if (this.#play.dataset.paused !== String(paused)) {
      this.#play.dataset.paused = paused;
      this.#play.setAttribute("aria-label", paused ? "Play" : "Pause");
      this.#play.replaceChildren(icon(paused ? "play" : "pause"));
    }
    if (!paused) this.#frame = requestAnimationFrame(() => this.#show());
  }

  #fail(message) {
    this.#opening = null;
    this.#problem.hidden = false;
    this.#problem.textContent = message ?? "The recording could not be played. Load the page again; "
      + "if it stays so, tell your administrator the contact id.";
  }
}
