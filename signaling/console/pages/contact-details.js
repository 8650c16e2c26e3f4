/* One finished contact: what is known of it, and its recording. */

import * as api from "./api.js";
import { h, icon } from "./dom.js";
import { duration, exactMoment, number, outcome, reason, size } from "./format.js";
import { Player } from "./player.js";
import { auditTrail, careActions, history, holdNotice, tombstone } from "./recording-care.js";
import { stepList } from "./recording-steps.js";

const AGAIN = 3_000; // milliseconds until a recording that is on its way is looked at again

export function contactDetails(me, rights, id) {
  const element = h("div", { class: "card", "aria-busy": "true" }, h("p", {}, "Loading…"));
  let [players, timer, closed] = [[], 0, false];

  /** Fills the part of one recording; true when it is on its way. */
  const showSound = async (sound, recording, playable, type) => {
    if (recording?.Deleted) sound.replaceChildren(tombstone(recording));
    else if (!rights.listen || !playable) {
      sound.replaceChildren(...withoutPlayer(recording, rights));
      return Boolean(recording && rights.listen && recording.State !== "quarantined");
    } else {
      const peaks = await api.peaks(id, type);
      if (closed) return false;
      const player = new Player((purpose, track) => api.soundUrl(id, type, purpose, track), peaks, rights.download);
      players.push(player);
      sound.replaceChildren(player.element);
    }
    return false;
  };
  const show = async (contact) => {
    const { Telephonist: ours = {}, Recordings: known = [] } = contact;
    const playable = (kind) => known.some((one) => one.Status === "AVAILABLE" && one.ParticipantType === kind);
    players.forEach((player) => player.close());
    players = [];
    const [own, automated] = [h("div", { class: "sound" }), h("div", { class: "sound" })];
    element.replaceChildren(
      ...facts(contact), ...holdNotice(ours),
      ...recordingFacts("Recording", ours.Recording), own, ...history(ours.RecordingActs, "AGENT"),
      ...(ours.IvrRecording ? [...recordingFacts("Automated part", ours.IvrRecording), automated, ...history(ours.RecordingActs, "IVR")] : []),
      ...careActions(contact, rights, load), ...(rights.audit ? [auditTrail(id)] : []));
    const waiting = [await showSound(own, ours.Recording, playable("ALL"), "AGENT")];
    if (ours.IvrRecording) waiting.push(await showSound(automated, ours.IvrRecording, playable("CUSTOMER"), "IVR"));
    if (waiting.some(Boolean) && !closed) timer = setTimeout(load, AGAIN);
  };
  const load = async () => {
    try {
      const { Contact } = await api.describeContact(me.tenant.instance, id);
      if (closed) return;
      await show(Contact);
    } catch (error) {
      if (!closed) element.replaceChildren(h("div", { class: "notice", role: "alert" }, icon("warning"), h("p", {}, error.message)));
    } finally {
      element.removeAttribute("aria-busy");
    }
  };
  load();
  const close = () => { closed = true; clearTimeout(timer); players.forEach((player) => player.close()); };
  return { element, close };
}

function facts(contact) {
  const { Telephonist: ours = {}, InitiationTimestamp: begun, DisconnectTimestamp: ended } = contact;
  const connected = contact.AgentInfo?.ConnectedToAgentTimestamp;
  const rows = [
    [ours.Outcome ? "Shown" : "Dialled", contact.SystemEndpoint?.Address ?? "–"],
    ...(ours.Outcome ? [["Call out", outcome(ours)]] : []),
    ["Queue", ours.Queue ?? "–"],
    ["Agent", ours.Agent ?? "–"],
    ["Begun", exactMoment(begun)],
    ["Waited", connected ? duration(connected - begun) : "–"],
    ["Duration", ended ? duration(ended - begun) : "–"],
    ["Ended", reason(contact.DisconnectReason)],
    ...qualityRows(contact.QualityMetrics),
    ["Contact id", h("code", {}, contact.Id)],
    ...Object.entries(contact.Attributes ?? {}),
  ];
  const title = contact.CustomerEndpoint ? number(contact.CustomerEndpoint.Address) : "Contact";
  const label = "Close the contact";
  const close = h("a", { href: "#/contacts", class: "plain button", "aria-label": label }, icon("cross"));
  return [
    h("header", {}, h("div", {}, h("p", { class: "eyebrow" }, "Contact"), h("h2", { class: "number" }, title)), close),
    h("dl", { class: "facts" }, rows.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
    ...recordingFacts(ours.Recording),
  ];
}

function qualityRows({ Customer: customer, Agent: agent } = {}) {
  const score = ({ Audio }) => `${Audio.QualityScore.toFixed(1)} of 5`;
  return [customer && ["Caller’s sound", score(customer)], agent && ["Agent’s sound", score(agent)]].filter(Boolean);
}

function recordingFacts(title, recording) {
  if (!recording) return [];
  if (recording.Deleted) return [h("h3", {}, title)];
  const { DurationMs, Size, Gaps, Reason } = recording;
  const gaps = Gaps && `${Gaps} ${Gaps === 1 ? "gap" : "gaps"}`;
  const parts = [DurationMs && duration(DurationMs / 1000), Size && size(Size), gaps, Reason];
  const trouble = recording.State === "quarantined" && Reason;
  if (trouble) parts.pop();
  return [h("h3", {}, title), stepList(recording), h("p", { class: "hint" }, parts.filter(Boolean).join(" · ")),
    ...(trouble ? [h("div", { class: "remark bad" }, icon("warning"), h("div", {}, h("b", {}, "Set aside"), h("p", {}, Reason)))] : [])];
}

const NO_SOUND = {
  off: "This contact was not recorded: its flow did not ask for it, or no agent was connected.",
  forbidden: "You may not listen to recordings. Ask your administrator for the permission ListenCallRecordings.",
  damaged: "The recording was set aside because it is damaged. Your administrator finds it in the recorder's spool.",
  onItsWay: "The recording is on its way to the store. It can be played when it is there and the agent has cleared the contact.",
};

function withoutPlayer(recording, { listen }) {
  const why = !recording ? "off" : !listen ? "forbidden" : recording.State === "quarantined" ? "damaged" : "onItsWay";
  return [h("p", { class: "hint", role: "status" }, NO_SOUND[why])];
}
