/* How far a recording has come on its way to the tenant's store. */

import { h, icon } from "./dom.js";
import { exactMoment } from "./format.js";

const STEPS = [["recording", "recorded"], ["sealed", "sealed"], ["uploaded", "uploaded"], ["verified", "verified"]];
const ORDER = ["recording", "sealed", "finalized", "uploaded", "verified", "released"];
const TROUBLE = { quarantined: "Set aside", interrupted: "Interrupted" };

function done(recording, state) {
  return ORDER.indexOf(recording.State) >= ORDER.indexOf(state) || Boolean(recording.Times?.[state]);
}

/** Four dots and the last step's name. */
export function steps(recording) {
  if (!recording) return h("span", { class: "steps none" }, "Not recorded");
  if (recording.Deleted) return h("span", { class: "steps gone" }, icon("trash"), "Deleted");
  const trouble = TROUBLE[recording.State];
  const reached = STEPS.filter(([state]) => done(recording, state));
  const name = trouble ?? (recording.State === "recording" ? "recording…" : reached.at(-1)?.[1] ?? recording.State);
  const dots = STEPS.map((_, at) => h("i", { class: at < reached.length ? "on" : "" }));
  const look = `steps${trouble ? " trouble" : ""}`;
  return h("span", { class: look }, h("span", { class: "dots", "aria-hidden": "true" }, dots), name);
}

/** The steps with their times. */
export function stepList(recording) {
  const items = STEPS.map(([state, label]) => {
    const reached = done(recording, state);
    const time = recording.Times?.[state];
    const when = time ? exactMoment(time) : reached ? "" : "not yet";
    return h("li", { class: reached ? "on" : "" }, h("b", {}, label), h("small", {}, when));
  });
  return h("ol", { class: "step-list" }, items);
}
