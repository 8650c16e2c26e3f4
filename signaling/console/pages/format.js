/* Times, durations and the words of the protocol in the words of people. */

const two = (number) => String(number).padStart(2, "0");

/** 3:07, 1:02:09. */
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

const MOMENT = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
const EXACT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** Of Unix seconds, in the reader's time zone. */
export const moment = (seconds) => (seconds ? MOMENT.format(seconds * 1000) : "–");
export const exactMoment = (seconds) => (seconds ? EXACT.format(seconds * 1000) : "–");

export const number = (text) => text || "Number withheld";

export const size = (bytes) => (bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

const REASONS = {
  CUSTOMER_DISCONNECT: "The caller hung up",
  AGENT_DISCONNECT: "The agent hung up",
  THIRD_PARTY_DISCONNECT: "A third party hung up",
  TELECOM_PROBLEM: "The line broke off",
  BARGED: "A supervisor ended it",
  CONTACT_FLOW_DISCONNECT: "The flow ended it",
  OTHER: "Another reason",
};

/** What became of a call that was placed: [title, what it means]. */
export const OUTCOMES = {
  busy: ["Busy", "The number is engaged. Try again a little later."],
  no_answer: ["No answer", "It rang, and nobody took the call."],
  rejected: ["Rejected", "The call is not wanted there."],
  failed: ["The call could not be made", "The number does not exist, or it cannot be reached just now."],
};

/** The same of a contact record, with the numbers that stand behind it. */
export function outcome({ Outcome: code, SipStatus: status, SipReason: cause }) {
  const words = { answered: "Answered", cancelled: "Given up before the answer" }[code] ?? OUTCOMES[code]?.[0] ?? code;
  return [words, status && `(${[`SIP ${status}`, cause].filter(Boolean).join(", ")})`].filter(Boolean).join(" ");
}

/** How far a call that is placed has come. */
export const PROGRESS = { dialling: "Calling…", ringing: "It rings at the other side…", early: "Calling: you hear the other side’s network." };

export const reason = (code) => REASONS[code] ?? code ?? "–";

/** What is wrong with the sound of a side, as the agent is told. */
export const ALARMS = {
  customer: {
    no_media: "Nothing comes from the caller’s line",
    one_way: "The caller’s sound goes one way only",
    silence: "No sound from the caller for 30 seconds",
  },
  agent: {
    no_media: "Your sound does not arrive here",
    one_way: "Your sound goes one way only",
    silence: "No sound from your microphone for 30 seconds",
  },
};

/** The state of the recording as the agent sees it: [text, tone]. */
export const RECORDING = {
  off: ["Not recorded", "quiet"],
  armed: ["Will be recorded", "quiet"],
  recording: ["Recording", "live"],
  paused: ["Recording silence", "warn"],
  suspended: ["Recording paused", "warn"],
  secured: ["Secure pause", "secure"],
  interrupted: ["Recording interrupted", "warn"],
  stopped: ["Recording ended", "quiet"],
};
