/* The ring: two soft notes, synthesised, so that there is no file to fetch. */

const PERIOD = 3; // seconds from ring to ring
const NOTES = [[659.3, 0], [523.3, 0.18], [659.3, 0.5], [523.3, 0.68]]; // hertz, seconds after the beginning

export class Ring {
  #context = null;
  #timer = 0;

  /** Rings, or stops ringing. A browser lets a page ring only after its reader has clicked something in it. */
  set(on) {
    if (on === Boolean(this.#timer)) return;
    clearInterval(this.#timer);
    this.#timer = 0;
    if (!on) return this.#context?.suspend();
    this.#context ??= new AudioContext();
    this.#context.resume();
    this.#ringOnce();
    this.#timer = setInterval(() => this.#ringOnce(), PERIOD * 1000);
  }

  close() {
    this.set(false);
    this.#context?.close();
  }

  #ringOnce() {
    for (const [frequency, delay] of NOTES) this.#note(frequency, this.#context.currentTime + delay);
  }

  #note(frequency, at) {
    const tone = new OscillatorNode(this.#context, { type: "triangle", frequency });
    const gain = new GainNode(this.#context, { gain: 0 });
    gain.gain.setTargetAtTime(0.25, at, 0.01);
    gain.gain.setTargetAtTime(0, at + 0.05, 0.12);
    tone.connect(gain).connect(this.#context.destination);
    tone.start(at);
    tone.stop(at + 0.9);
  }
}
