/* Where it begins: who is signed in, which pages that one may see, and the softphone that lives as long as the sign-in. */

import { Softphone } from "../softphone.js";
import { agentPage } from "./agent.js";
import * as api from "./api.js";
import { contactsPage } from "./contacts.js";
import { h, icon } from "./dom.js";
import { frame } from "./frame.js";
import { microphone } from "./microphone.js";
import { Ring } from "./ring.js";
import { signInPage } from "./sign-in.js";

const TITLE = "Telephonist";
const ENDED = "Your sign-in has ended. Sign in again.";
let leave = () => {};

const show = (element) => document.body.replaceChildren(element);
const may = (me, name) => me.permissions.some((permission) => permission === name || permission.startsWith(`${name}.`));

async function begin(message = null) {
  leave();
  leave = () => {};
  try {
    enter(await api.me());
  } catch (error) {
    const known = error.status === 401;
    if (!known && error.status === undefined) throw error; // a fault of this page, not an answer of the server
    show(signInPage(begin, known ? message : error.message));
    document.querySelector("[autofocus]")?.focus();
  }
}

function enter(me) {
  const phone = me.agent ? new Softphone({ key: `telephonist.${me.user.id}`, microphone }) : null;
  const connect = async () => {
    const first = await api.softphoneToken();
    await phone.connect(first.url, freshTokens(first.token));
  };
  const pages = pagesOf(me, phone, connect);
  const around = frame(me, pages, () => signOut(phone));
  const router = new Router(pages, around);
  show(around.element);
  const ring = phone ? startPhone(phone, around, connect) : null;
  router.route();
  leave = () => {
    router.close();
    ring?.close();
    phone?.disconnect();
    document.title = TITLE;
  };
}

function pagesOf(me, phone, connect) {
  const rights = {
    listen: may(me, "ListenCallRecordings"),
    download: may(me, "DownloadCallRecordings"),
    delete: may(me, "DeleteCallRecordings"),
    hold: me.permissions.includes("CallRecordings.LegalHold"),
    quarantine: me.permissions.includes("CallRecordings.Quarantine"),
    audit: may(me, "AuditTrail"),
  };
  const pages = [];
  if (me.agent) pages.push({ name: "agent", label: "Agent", icon: "headset", open: () => agentPage(phone, connect) });
  if (may(me, "ContactSearch")) {
    const open = (contact) => contactsPage(me, rights, contact, () => begin(ENDED));
    pages.push({ name: "contacts", label: "Contacts", icon: "list", open });
  }
  return pages;
}

/** Opens the page that the address names, or the first. A page with `go` stays and is told the rest of the address. */
class Router {
  #pages;
  #around;
  #current = null;
  #view = null;

  constructor(pages, around) {
    this.#pages = pages;
    this.#around = around;
    addEventListener("hashchange", this.route);
  }

  route = () => {
    const [, name, argument] = location.hash.split("/");
    const page = this.#pages.find((one) => one.name === name) ?? this.#pages[0];
    if (!page) return this.#around.place.replaceChildren(nothingHere());
    this.#around.mark(page.name);
    if (this.#current === page && this.#view.go) return this.#view.go(argument);
    this.#view?.close();
    this.#current = page;
    this.#view = page.open(argument);
    this.#around.place.replaceChildren(this.#view.element);
  };

  close() {
    removeEventListener("hashchange", this.route);
    this.#view?.close();
  }
}

/** Gives the token that was fetched with the address first, and new ones afterwards. */
function freshTokens(first) {
  let token = first;
  return async () => {
    const given = token ?? (await api.softphoneToken()).token;
    token = null;
    return given;
  };
}

function startPhone(phone, around, connect) {
  const ring = new Ring();
  const attend = () => {
    const incoming = [...phone.contacts.values()].find(({ state }) => state === "INCOMING");
    ring.set(Boolean(incoming));
    document.title = incoming ? `Call from ${incoming.customer || "a withheld number"}` : TITLE;
    if (incoming) location.hash = "#/agent";
  };
  phone.addEventListener("contact", attend);
  phone.addEventListener("removed", attend);
  phone.addEventListener("state", ({ detail }) => {
    around.showLine(detail.state);
    if (detail.state === "closed") ring.set(false);
    if (detail.reason === "unauthorized" || detail.reason === "signedOut") begin(ENDED);
  });
  around.showLine("connecting");
  connect().catch((error) => (error.status === 401 ? begin(error.message) : around.showLine("closed")));
  return ring;
}

async function signOut(phone) {
  const talking = [...(phone?.contacts.values() ?? [])].some(({ state }) => state.startsWith("CONNECTED"));
  if (talking && !confirm("You are on a call. Signing out ends it. Sign out?")) return;
  phone?.disconnect();
  await api.signOut().catch(() => null); // without the server there is nothing to sign out of here
  begin();
}

function nothingHere() {
  const advice = "Your security profile opens none of the pages. "
    + "Ask your administrator for a routing profile, or for the permission to search contacts.";
  return h("section", { class: "empty" },
    h("span", { class: "emblem" }, icon("list")), h("h2", {}, "No page for you yet"), h("p", {}, advice));
}

begin();
