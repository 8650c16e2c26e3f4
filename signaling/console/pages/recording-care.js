/* What is decided about a stored recording (legal hold, deletion), what was done to it, and who heard it. */

import * as api from "./api.js";
import { askReason } from "./dialog.js";
import { h, icon, notice, press } from "./dom.js";
import { duration, exactMoment, moment } from "./format.js";

const DELETING = "The sound is destroyed for everybody and cannot be brought back. That it was, when, by whom and why stays in the record.";
const HOLDING = "Until the hold is cleared nobody can delete the recordings of this contact, and no retention rule does.";
const CLEARING = "From then on they may be deleted again, and retention rules count for them.";

/** The buttons for those who may. `changed` is called when something was done. */
export function careActions(contact, rights, changed) {
  const box = notice();
  const hold = contact.Telephonist?.LegalHold;
  const there = [contact.Telephonist?.Recording, contact.Telephonist?.IvrRecording].some((one) => one && !one.Deleted);
  const act = (label, glyph, look, question, run) => {
    const element = h("button", { type: "button", class: `small ${look}`, onclick: async () => {
      const reason = await askReason(question);
      if (reason) await press(element, box, async () => { await run(contact.Id, reason); changed(); });
    } }, icon(glyph), label);
    return element;
  };
  const buttons = [];
  if (rights.hold && !hold) {
    const question = { title: "Set a legal hold", text: HOLDING, action: "Set legal hold" };
    buttons.push(act("Legal hold", "lock", "", question, api.setHold));
  }
  if (rights.hold && hold) {
    const question = { title: "Clear the legal hold", text: CLEARING, action: "Clear legal hold" };
    buttons.push(act("Clear legal hold", "lock", "", question, api.clearHold));
  }
  if (rights.delete && there && !hold) {
    const question = { title: "Delete the recording", text: DELETING, action: "Delete for good", danger: true };
    buttons.push(act("Delete", "trash", "refuse", question, api.deleteRecordings));
  }
  return buttons.length ? [h("div", { class: "care" }, buttons), box.element] : [];
}

export function holdNotice({ LegalHold: hold } = {}) {
  if (!hold) return [];
  return [h("div", { class: "remark hold" }, icon("lock"),
    h("div", {}, h("b", {}, "Legal hold"), h("p", {}, hold.Reason), h("small", {}, `${exactMoment(hold.At)}, by ${hold.By}`)))];
}

export function tombstone({ Deleted: stone }) {
  const who = stone.Cause === "retention" ? "by the retention rule" : `by ${stone.By}`;
  const store = stone.ErasedAt ? "" : " The store has not confirmed it yet; it is tried again.";
  return h("div", { class: "remark stone" }, icon("trash"),
    h("div", {}, h("b", {}, "Deleted"), h("p", {}, stone.Reason),
      h("small", {}, `${exactMoment(stone.At)}, ${who}.${store}`)));
}

const ACTS = {
  START: "Started", SUSPEND: "Paused", RESUME: "Resumed", STOP: "Stopped",
  SECURE_PAUSE: "Secure pause", SECURE_RESUME: "Secure pause ended",
};
const BY = { flow: "by the flow", digits: "by the caller’s digits", timer: "after its time" };

/** What was done to the recording while it ran, at which time of it. */
export function history(acts = [], type = "AGENT") {
  const own = acts.filter((act) => act.Type === type);
  if (own.length < 2) return [];
  const begun = own[0].At;
  const items = own.map(({ At, Act, By }) => h("li", { class: Act.startsWith("SECURE") ? "secure" : "" },
    h("time", {}, duration(At - begun)), h("span", {}, ACTS[Act] ?? Act), h("small", {}, BY[By] ?? "")));
  return [h("ol", { class: "history", "aria-label": "What was done to the recording" }, items)];
}

const ACTIONS = {
  ListenCallRecording: "listened", DownloadCallRecording: "downloaded", ExportCallRecording: "exported",
  DeleteCallRecording: "deleted it", SetLegalHold: "set a legal hold", ClearLegalHold: "cleared the legal hold",
  RetryCallRecording: "tried it again",
  StartContactRecording: "started it", StopContactRecording: "stopped it", SuspendContactRecording: "paused it",
  ResumeContactRecording: "resumed it", SecurePause: "secure pause", SecureResume: "ended a secure pause",
  UseTicket: "used a bad ticket",
};

/** Fetched when it is opened. */
export function auditTrail(contact) {
  const list = h("ol", { class: "trail" });
  const box = notice();
  const load = async () => {
    try {
      const { Entries } = await api.auditOf(contact);
      const shown = Entries.filter(({ Action }) => Action in ACTIONS);
      list.replaceChildren(...shown.map(entry));
      if (!shown.length) list.replaceChildren(h("li", { class: "hint" }, "Nobody yet."));
    } catch (error) {
      box.say(error.message);
    }
  };
  const element = h("details", { class: "audit", ontoggle: () => element.open && load() },
    h("summary", {}, icon("eye"), "Who listened, and what else was done"), box.element, list);
  return element;
}

function entry({ At, Username, Action, Outcome, Detail }) {
  const refused = Outcome === "refused";
  const why = Detail?.reason ? ` — ${Detail.reason}` : "";
  return h("li", { class: refused ? "refused" : "" },
    h("time", {}, moment(At)), h("span", {}, h("b", {}, Username || "nobody"), ` ${ACTIONS[Action]}${refused ? " (refused)" : ""}${why}`));
}
