/* Which microphone, and what the browser does to its sound: kept on this computer. */

import { h } from "./dom.js";

const KEY = "telephonist.microphone";

/** Constraints for getUserMedia. */
export function microphone() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
}

function keep(change) {
  localStorage.setItem(KEY, JSON.stringify({ ...microphone(), ...change }));
}

const SWITCHES = [
  ["echoCancellation", "Remove echo"],
  ["noiseSuppression", "Remove background noise"],
  ["autoGainControl", "Level the volume"],
];

function choice() {
  const select = h("select", { id: "microphone", onchange: () => keep({ deviceId: select.value || undefined }) });
  const fill = async () => {
    const devices = await (navigator.mediaDevices?.enumerateDevices() ?? []);
    const inputs = devices.filter(({ kind, deviceId }) => kind === "audioinput" && deviceId && deviceId !== "default");
    const chosen = microphone().deviceId ?? "";
    const option = (value, label) => h("option", { value, selected: value === chosen }, label);
    const named = inputs.map(({ deviceId, label }) => option(deviceId, label || "Microphone"));
    select.replaceChildren(option("", "The computer's default"), ...named);
  };
  return { select, fill };
}

export function microphoneSettings() {
  const { select, fill } = choice();
  const box = ([name, label]) => {
    const change = () => keep({ [name]: input.checked });
    const input = h("input", { type: "checkbox", checked: microphone()[name] ?? true, onchange: change });
    return h("label", { class: "switch" }, input, label);
  };
  return h("details", { class: "settings", ontoggle: fill },
    h("summary", {}, "Microphone"),
    h("label", { for: "microphone" }, "Speak through"), select,
    SWITCHES.map(box),
    h("p", { class: "hint" }, "Counts from the next call on."));
}
