/* The HTTP API as the pages use it. Every failure is an ApiError whose message says what to do. */

const MESSAGES = {
  401: "Your sign-in has ended. Sign in again.",
  403: "You may not do this. Ask your administrator for the permission.",
  404: "It does not exist, or it is not yours to see.",
  429: "Too many tries. Wait a minute and try again.",
};

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
    this.code = status === 401 ? 4401 : status; // as the softphone names it
  }
}

async function request(method, path, body) {
  const options = { method, headers: { Accept: "application/json" }, credentials: "same-origin" };
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["Content-Type"] = "application/json";
  }
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new ApiError(0, "The server cannot be reached. Check your network and try again.");
  }
  if (response.ok) return response.status === 204 ? null : response.json();
  throw new ApiError(response.status, await messageOf(response));
}

async function messageOf(response) {
  const told = await response.json().catch(() => ({}));
  return told.message ?? told.Message ?? MESSAGES[response.status]
    ?? `The server failed (${response.status}). Try again; if it stays, tell your administrator.`;
}

const id = encodeURIComponent;

export const signIn = (instance, username, password) => request("POST", "/sign-in", { instance, username, password });
export const signOut = () => request("POST", "/sign-out");
export const me = () => request("GET", "/me");
export const softphoneToken = () => request("POST", "/softphone/token");
export const searchContacts = (query) => request("POST", "/search-contacts", query);
export const describeContact = (instance, contact) => request("GET", `/contacts/${id(instance)}/${id(contact)}`);
export const peaks = (contact, recording) => request("GET", `/recordings/${id(contact)}/peaks?Recording=${recording}`);
export const deleteRecordings = (contact, Reason) => request("POST", `/recordings/${id(contact)}/delete`, { Reason });
export const setHold = (contact, Reason) => request("POST", `/recordings/${id(contact)}/legal-hold`, { Reason });
export const clearHold = (contact, Reason) => request("POST", `/recordings/${id(contact)}/legal-hold/clear`, { Reason });
export const quarantined = () => request("GET", "/quarantine");
export const retry = (contact) => request("POST", `/recordings/${id(contact)}/retry`, {});
export const auditOf = (contact) => request("GET", `/recordings/${id(contact)}/audit`);

/** Where the sound is, for whom asks and for a short time only. `Purpose`: "LISTEN" or "DOWNLOAD". `Track`: the index of
 * the party whose own sound it is; left out: both sides. */
export const soundUrl = async (contact, Recording, Purpose, Track) =>
  (await request("POST", `/recordings/${id(contact)}/tickets`, { Purpose, Recording, Track })).Url;
export const exportUrl = async (ContactIds) => (await request("POST", "/recordings/export", { ContactIds })).Url;
