/* Makes elements. Text goes in as text, so nothing that comes from a caller or a server is ever read as HTML. */

const SVG = "http://www.w3.org/2000/svg";

const ICONS = {
  phone: "M6 3h3l2 5-2.5 1.5a11 11 0 0 0 6 6L16 13l5 2v3a3 3 0 0 1-3 3A15 15 0 0 1 3 6a3 3 0 0 1 3-3z",
  hangup: "M2 14.5c5.5-6.5 14.5-6.5 20 0l-2.5 3.5-5-1.8v-3.4a13 13 0 0 0-5 0v3.4l-5 1.8z",
  mic: "M12 3a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3zM6 11a6 6 0 0 0 12 0M12 17v4",
  hold: "M9 5v14M15 5v14",
  transfer: "M4 8h13M13 4l4 4-4 4M20 16H7M11 12l-4 4 4 4",
  join: "M8 12a4 4 0 1 1 0-.01M16 12a4 4 0 1 1 0-.01M12 12h.01",
  play: "M8 5l11 7-11 7z",
  pause: "M9 5v14M15 5v14",
  record: "M12 7a5 5 0 1 1 0 10 5 5 0 0 1 0-10z",
  stop: "M7 7h10v10H7z",
  shield: "M12 3l7.5 3v5.5c0 4.6-3.1 8-7.5 9.5-4.4-1.5-7.5-4.9-7.5-9.5V6zM9 12l2.2 2.2L15.2 10",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10.5 11v5.5M13.5 11v5.5",
  lock: "M6.5 11h11v9h-11zM9 11V8a3 3 0 0 1 6 0v3",
  eye: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 9.5a2.5 2.5 0 1 1 0 5 2.5 2.5 0 0 1 0-5z",
  check: "M5 12.5l4.5 4.5L19 7.5",
  cross: "M6 6l12 12M18 6L6 18",
  refresh: "M20 11a8 8 0 1 0-.5 4M20 5v6h-6",
  download: "M12 4v11M7 11l5 5 5-5M5 20h14",
  warning: "M12 4l9.5 16h-19zM12 10v4.5M12 17.2v.1",
  headset: "M4 15v-2a8 8 0 0 1 16 0v2M4 14h3v6H5.5A1.5 1.5 0 0 1 4 18.5zM20 14h-3v6h1.5a1.5 1.5 0 0 0 1.5-1.5z",
  list: "M4 6h16M4 12h16M4 18h10",
  wave: "M3 12h2M8 7v10M12 4v16M16 8v8M21 12h-2",
};

/** `on…` properties are listeners, true and false switch attributes, the rest are attributes; null children are left out. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (typeof value === "boolean") element.toggleAttribute(name, value);
    else if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** A notice that says what is wrong and what to do; empty when there is nothing to say. */
export function notice() {
  const text = h("p");
  const box = h("div", { class: "notice", role: "alert", hidden: true }, icon("warning"), text);
  return {
    element: box,
    say(message) {
      text.textContent = message ?? "";
      box.hidden = !message;
    },
  };
}

/** Runs `action` while the button is busy, and says in `box` what went wrong. */
export async function press(button, box, action) {
  const focused = document.activeElement === button;
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
  try {
    await action();
    box.say(null);
  } catch (error) {
    box.say(error.message);
  } finally {
    button.disabled = false;
    if (focused && document.activeElement === document.body) button.focus(); // disabling took the focus away
    button.removeAttribute("aria-busy");
  }
}
