/* The sign-in. */

import * as api from "./api.js";
import { h, notice, press } from "./dom.js";
import { brand } from "./frame.js";

const REMEMBERED = "telephonist.instance";

function field(label, name, properties) {
  const input = h("input", { id: name, name, required: true, spellcheck: "false", autocapitalize: "none", ...properties });
  return [h("label", { for: name }, label), input];
}

/** `done` is called after a successful sign-in; `message` says why the reader is here again. */
export function signInPage(done, message = null) {
  const box = notice();
  box.say(message);
  const button = h("button", { class: "primary", type: "submit" }, "Sign in");
  const submit = (event) => {
    event.preventDefault();
    const { instance, username, password } = Object.fromEntries(new FormData(form));
    press(button, box, async () => {
      await api.signIn(instance.trim(), username.trim(), password);
      localStorage.setItem(REMEMBERED, instance.trim());
      await done();
    });
  };
  const remembered = localStorage.getItem(REMEMBERED) ?? "";
  const form = h("form", { class: "card sign-in", onsubmit: submit },
    h("h1", {}, "Sign in"),
    box.element,
    field("Instance", "instance", { value: remembered, autocomplete: "organization", autofocus: !remembered }),
    field("User name", "username", { autocomplete: "username", autofocus: Boolean(remembered) }),
    field("Password", "password", { type: "password", autocomplete: "current-password" }),
    button);
  return h("main", { class: "sign-in-page" }, brand(), form);
}
