/* Two lanes of peaks on a canvas, with gaps and pauses shaded. A click or a drag seeks. */

import { h } from "./dom.js";

const LANE = 64; // CSS pixels
const BETWEEN = 10;
const BAR = 2;
const PITCH = 3;
const FULL = 127; // the largest peak

export class Waveform {
  #peaks;
  #part = 0;
  #canvas = h("canvas", {});
  #labels = [
    h("span", { class: "customer" }, "Caller", h("small", {}, "left")),
    h("span", { class: "agent" }, "Agent", h("small", {}, "right")),
  ];
  #shades = { gap: h("span", { class: "gap" }, "gap: sound was lost"), pause: h("span", { class: "pause" }, "not recorded: on hold, muted or paused") };
  #watch = new ResizeObserver(() => this.#draw());
  #scheme = matchMedia("(prefers-color-scheme: dark)");

  constructor(peaks, seek) {
    this.#peaks = peaks;
    const range = { role: "slider", tabindex: "0", "aria-label": "Position", "aria-valuemin": "0", "aria-valuemax": "100" };
    this.slider = h("div", { class: "lanes", ...range }, this.#canvas);
    const at = (event) => seek(Math.min(1, Math.max(0, event.offsetX / this.slider.clientWidth)));
    this.slider.addEventListener("pointerdown", (event) => { this.slider.setPointerCapture(event.pointerId); at(event); });
    this.slider.addEventListener("pointermove", (event) => event.buttons && at(event));
    this.#shades.gap.hidden = !peaks.gaps?.length;
    this.#shades.pause.hidden = !peaks.pauses?.length;
    this.element = h("div", { class: "waveform" }, h("div", { class: "labels" }, this.#labels), this.slider,
      h("div", { class: "legend" }, this.#shades.gap, this.#shades.pause));
    this.#watch.observe(this.slider);
    this.#scheme.addEventListener("change", this.#redraw);
  }

  /** `part` of the whole is played, 0 to 1; `text` says it in words. */
  show(part, text) {
    this.#part = part;
    this.slider.setAttribute("aria-valuenow", Math.round(part * 100));
    this.slider.setAttribute("aria-valuetext", text);
    this.#draw();
  }

  close() {
    this.#watch.disconnect();
    this.#scheme.removeEventListener("change", this.#redraw);
  }

  #redraw = () => this.#draw();

  #draw() {
    const [width, height, scale] = [this.slider.clientWidth, 2 * LANE + BETWEEN, devicePixelRatio];
    if (!width) return;
    if (this.#canvas.width !== Math.round(width * scale)) {
      this.#canvas.width = Math.round(width * scale);
      this.#canvas.height = Math.round(height * scale);
    }
    const paint = this.#canvas.getContext("2d");
    paint.setTransform(scale, 0, 0, scale, 0, 0);
    paint.clearRect(0, 0, width, height);
    this.#shade(paint, width, height);
    this.#lane(paint, width, 0, this.#peaks.left, this.#labels[0]);
    this.#lane(paint, width, LANE + BETWEEN, this.#peaks.right, this.#labels[1]);
    paint.fillStyle = getComputedStyle(this.slider).color;
    paint.fillRect(Math.round(this.#part * (width - 1)), 0, 1, height);
  }

  #lane(paint, width, top, peaks, label) {
    paint.fillStyle = getComputedStyle(label).color;
    const bars = Math.floor(width / PITCH);
    const each = peaks.length / bars;
    for (let bar = 0; bar < bars; bar += 1) {
      const here = peaks.slice(Math.floor(bar * each), Math.max(Math.floor(bar * each) + 1, Math.floor((bar + 1) * each)));
      const tall = Math.max(1.5, (Math.max(0, ...here) / FULL) * LANE);
      paint.globalAlpha = bar / bars < this.#part ? 1 : 0.45;
      paint.fillRect(bar * PITCH, top + (LANE - tall) / 2, BAR, tall);
    }
    paint.globalAlpha = 1;
  }

  /** The lane of one party; both where it is not known whose it is. */
  #laneOf(party, height) {
    const role = this.#peaks.parties?.find(({ index }) => index === party)?.role;
    return role ? [role === "agent" ? LANE + BETWEEN : 0, LANE] : [0, height];
  }

  #shade(paint, width, height) {
    const length = this.#peaks.duration_ms || 1;
    for (const [name, spans] of [["gap", this.#peaks.gaps], ["pause", this.#peaks.pauses]]) {
      paint.fillStyle = getComputedStyle(this.#shades[name]).color;
      paint.globalAlpha = 0.3;
      for (const { start_ms: start, end_ms: end, party } of spans ?? []) {
        const [top, tall] = this.#laneOf(party, height);
        paint.fillRect((start / length) * width, top, Math.max(2, ((end - start) / length) * width), tall);
      }
    }
    paint.globalAlpha = 1;
  }
}
