/* Plays a recording: both sides as waveforms, the caller on the left channel, the agent on the right. */

import { h, icon } from "./dom.js";
import { duration } from "./format.js";
import { Waveform } from "./waveform.js";

const STEP = 5; // seconds of an arrow key
const SPEEDS = ["1", "1.25", "1.5", "2"];

export class Player {
  #audio;
  #wave;
  #length;
  #frame = 0;
  #time = h("span", { class: "time" });
  #play = h("button", { type: "button", class: "primary round", onclick: () => this.toggle() });
  #problem = h("p", { class: "notice", role: "alert", hidden: true });

  /** `peaks` as GET /recordings/{id}/peaks gives them. */
  constructor(url, peaks, download) {
    this.#length = peaks.duration_ms / 1000;
    this.#audio = new Audio(url);
    this.#audio.preload = "metadata";
    this.#wave = new Waveform(peaks, (part) => this.seek(part * this.#length));
    for (const name of ["play", "pause", "ended", "seeked"]) this.#audio.addEventListener(name, () => this.#show());
    this.#audio.addEventListener("error", () => this.#fail());
    this.#wave.slider.addEventListener("keydown", (event) => this.#key(event));
    const speed = h("select", { "aria-label": "Speed", onchange: () => (this.#audio.playbackRate = Number(speed.value)) },
      SPEEDS.map((value) => h("option", { value }, `${value}×`)));
    const file = download && h("a", { href: url, download: "", class: "button plain" }, icon("download"), "Download");
    this.element = h("section", { class: "player", "aria-label": "Recording" },
      this.#wave.element,
      h("div", { class: "transport" }, this.#play, this.#time, h("span", { class: "space" }), speed, file),
      this.#problem);
    this.#show();
  }

  toggle() {
    if (this.#audio.paused) this.#audio.play().catch(() => this.#fail());
    else this.#audio.pause();
  }

  seek(seconds) {
    this.#audio.currentTime = Math.min(this.#length, Math.max(0, seconds));
    this.#show();
  }

  close() {
    cancelAnimationFrame(this.#frame);
    this.#audio.pause();
    this.#audio.removeAttribute("src");
    this.#wave.close();
  }

  #key(event) {
    const now = this.#audio.currentTime;
    const moves = { ArrowLeft: now - STEP, ArrowRight: now + STEP, Home: 0, End: this.#length };
    if (event.key === " ") this.toggle();
    else if (event.key in moves) this.seek(moves[event.key]);
    else return;
    event.preventDefault();
  }

  #show() {
    cancelAnimationFrame(this.#frame);
    const { currentTime, paused } = this.#audio;
    this.#time.textContent = `${duration(currentTime)} / ${duration(this.#length)}`;
    this.#wave.show(this.#length ? currentTime / this.#length : 0, this.#time.textContent);
    if (this.#play.dataset.paused !== String(paused)) {
      this.#play.dataset.paused = paused;
      this.#play.setAttribute("aria-label", paused ? "Play" : "Pause");
      this.#play.replaceChildren(icon(paused ? "play" : "pause"));
    }
    if (!paused) this.#frame = requestAnimationFrame(() => this.#show());
  }

  #fail() {
    this.#problem.hidden = false;
    this.#problem.textContent = "The recording could not be played. Load the page again; "
      + "if it stays so, tell your administrator the contact id.";
  }
}
