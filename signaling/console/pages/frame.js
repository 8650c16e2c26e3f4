/* What is around every page: the name, the ways to the pages, the line's state, who is signed in. */

import { h, icon } from "./dom.js";

export function brand() {
  return h("div", { class: "brand" }, h("img", { src: "./icon.svg", alt: "", width: "28", height: "28" }), "Telephonist");
}

const LINE = {
  connecting: ["Connecting…", "warn"],
  open: ["Connected", "good"],
  reconnecting: ["Reconnecting…", "warn"],
  closed: ["Not connected", "bad"],
};

/** `pages` are {name, label, icon}. Returns the element, where pages go, and how to show the line's state. */
export function frame(me, pages, signOut) {
  const links = pages.map((page) => h("a", { href: `#/${page.name}` }, icon(page.icon), h("span", {}, page.label)));
  const line = h("span", { class: "line", role: "status", hidden: true });
  const banner = h("div", { class: "banner", role: "alert", hidden: true });
  const place = h("main", { class: "place", id: "main", tabindex: "-1" });
  const header = h("header", { class: "header" },
    brand(),
    h("nav", { "aria-label": "Pages" }, links),
    line,
    h("span", { class: "who" }, h("b", {}, me.user.name), h("small", {}, me.tenant.alias)),
    h("button", { class: "plain", type: "button", onclick: signOut }, "Sign out"));
  const element = h("div", { class: "frame" }, header, banner, place);
  return { element, place, mark: (route) => markCurrent(links, route), showLine: (state) => showLine(line, banner, state) };
}

function markCurrent(links, route) {
  for (const link of links) {
    if (link.getAttribute("href") === `#/${route}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function showLine(line, banner, state) {
  const [text, tone] = LINE[state];
  line.hidden = false;
  line.className = `line ${tone}`;
  line.textContent = text;
  banner.hidden = state !== "reconnecting";
  banner.textContent = "The connection to the server is lost and is being made again. Calls and recordings go on.";
}
