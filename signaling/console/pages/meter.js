/* A level meter of one side of the call. */

import { h } from "./dom.js";

const FALL = 0.04; // of the scale in one frame: a peak can be seen before it is gone

export class Meter {
  #level = 0;
  #told = -1;
  #bar = h("div", { class: "bar" });

  constructor(label, side) {
    const range = { "aria-valuemin": "0", "aria-valuemax": "100" };
    this.scale = h("div", { class: "scale", role: "meter", "aria-label": label, ...range }, this.#bar);
    this.element = h("div", { class: `meter ${side}` }, h("span", {}, label), this.scale);
    this.set(0);
  }

  /** `level` is 0 to 1. */
  set(level) {
    this.#level = Math.max(level, this.#level - FALL);
    this.#bar.style.setProperty("--level", this.#level.toFixed(3));
    const percent = Math.round(this.#level * 20) * 5;
    if (percent !== this.#told) this.scale.setAttribute("aria-valuenow", (this.#told = percent));
  }
}
