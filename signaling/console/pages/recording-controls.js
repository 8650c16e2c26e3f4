/* What the agent may do to the recording of his call, and how it is: shown and offered as the server says. */

import { h, icon } from "./dom.js";
import { duration } from "./format.js";

const ENDS = [
  ["hand", "until I go on", {}],
  ["digits16", "until 16 digits are in", { digits: 16 }],
  ["digits4", "until 4 digits are in", { digits: 4 }],
  ["pound", "until the caller presses #", { pound: true }],
  ["minute", "for one minute", { seconds: 60 }],
];

/** `act(button, name, ...rest)` asks the softphone. Returns {element, update, tick}. */
export function recordingControls(act) {
  const button = (name, label, glyph, look, ask) => {
    const element = h("button", { type: "button", class: look, hidden: true, onclick: () => ask(element) }, icon(glyph), label);
    element.dataset.control = name;
    return element;
  };
  const ends = h("select", { "aria-label": "The secure pause lasts" }, ENDS.map(([value, label]) => h("option", { value }, label)));
  const chosen = () => ENDS.find(([value]) => value === ends.value)[2];
  const stop = (self) => confirm("Stop recording this call? It cannot be started again.") && act(self, "stopRecording");
  const secure = button("securePause", "Secure pause", "shield", "small", (self) => act(self, "securePause", true, chosen()));
  const group = h("span", { class: "secure-pause" }, secure, ends);
  const buttons = [
    button("suspend", "Pause recording", "pause", "small", (self) => act(self, "suspendRecording")),
    button("resume", "Resume recording", "record", "small primary", (self) => act(self, "resumeRecording")),
    button("stop", "Stop recording", "stop", "small plain", stop),
  ];
  const text = h("p", { class: "progress" });
  const goOn = button("secureResume", "Go on", "record", "small primary", (self) => act(self, "securePause", false));
  const shield = h("div", { class: "shielded", role: "status", hidden: true }, icon("shield"),
    h("div", {}, h("b", {}, "Secure pause"), h("p", {}, "Nothing is recorded, and the caller’s keys are hidden."), text), goOn);
  const row = h("div", { class: "row" }, buttons.slice(0, 2), group, buttons[2]);
  const element = h("div", { class: "recording-controls", role: "group", "aria-label": "Recording", hidden: true }, shield, row);

  const update = ({ controls = [], secure: pause = null }) => {
    for (const one of [...buttons, secure, goOn]) one.hidden = !controls.includes(one.dataset.control);
    group.hidden = secure.hidden;
    shield.hidden = !pause;
    row.hidden = Boolean(pause) || !controls.length;
    element.hidden = !pause && !controls.length;
  };
  const tick = ({ secure: pause = null }, now) => { text.textContent = pause ? progress(pause, now) : ""; };
  return { element, update, tick };
}

function progress({ digits, entered, pound, until }, now) {
  const parts = [
    digits ? `${entered} of ${digits} digits` : entered && `${entered} digits`,
    pound && "ends with #",
    until && `ends in ${duration(until - now)}`,
  ];
  return parts.filter(Boolean).join(" · ") || "Lasts until you go on.";
}
