// Renews the page in place and sends its forms, without disturbing whoever is typing, reading or tabbing through it.
"use strict";

const EVERY = 1500; // ms between two looks
const MOST = 6000; // ms between two looks while the server is away
const PATIENCE = 15000; // ms until an answer is given up
const SPOKEN = 7000; // ms a good word stays; a bad one stays until the next

const live = document.getElementById("live");
const reach = document.getElementById("reach");
const said = document.getElementById("said");
let last = "";
let failures = 0;
let waiting = 0;
let looking = false;
let fading = 0;

// ---- bring the page to what the server says, touching nothing that is the same ----

function sameKind(one, other) {
  return one.nodeType === other.nodeType && one.nodeName === other.nodeName && (one.id || "") === (other.id || "");
}

function renew(old, fresh) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  if (old.nodeType !== Node.ELEMENT_NODE || old.dataset.held) return; // somebody is filling this form in
  renewAttributes(old, fresh);
  renewChildren(old, fresh);
}

function renewAttributes(old, fresh) {
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  for (const { name } of [...old.attributes]) {
    // Which details are open is the reader's own affair.
    if (name !== "open" && !fresh.hasAttribute(name)) old.removeAttribute(name);
  }
}

function renewChildren(old, fresh) {
  const kept = new Set([...fresh.children].map((child) => child.id).filter(Boolean));
  let place = old.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    const known = wanted.id ? [...old.children].find((child) => child.id === wanted.id) : null;
    // What is in the way and not wanted goes, so that what stays need not be moved: a move would take the focus.
    while (known && place && place !== known && !kept.has(place.id)) place = without(place);
    if (known && known !== place) old.insertBefore(known, place);
    const found = known || (place && sameKind(place, wanted) ? place : null);
    if (found) {
      renew(found, wanted);
      place = found.nextSibling;
    } else {
      old.insertBefore(document.importNode(wanted, true), place);
    }
  }
  while (place) place = without(place);
}

function without(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

function show(html) {
  if (html === last) return;
  const fresh = new DOMParser().parseFromString(`<main>${html}</main>`, "text/html").querySelector("main");
  const focused = document.activeElement;
  renewChildren(live, fresh);
  // Rows that change places cannot help being moved.
  if (focused && focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
  last = html;
}

// ---- look, again and again ----

async function ask(address, options) {
  const headers = { "Lockstep-Part": "1" };
  return fetch(address, { ...options, headers, cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
}

async function look() {
  clearTimeout(waiting);
  if (looking) return;
  looking = true;
  try {
    const answer = await ask(live.dataset.state, {});
    if (!answer.ok) throw new Error(String(answer.status));
    show(await answer.text());
    reached(true);
  } catch {
    reached(false);
  } finally {
    looking = false;
  }
  if (!document.hidden) waiting = setTimeout(look, Math.min(EVERY * (failures + 1), MOST));
}

function reached(there) {
  failures = there ? 0 : failures + 1;
  const word = there ? "" : "not reachable, trying again";
  if (reach.textContent !== word) reach.textContent = word;
  document.body.classList.toggle("away", !there);
}

document.addEventListener("visibilitychange", () => document.hidden || look());

// ---- send forms ----

function tell(sentence, good) {
  said.textContent = sentence;
  said.classList.toggle("bad", !good);
  clearTimeout(fading);
  if (good) fading = setTimeout(() => tell("", false), SPOKEN);
}

async function send(form, button) {
  const fields = new URLSearchParams(new FormData(form));
  if (button && button.name) fields.set(button.name, button.value);
  form.dataset.held = "true";
  const buttons = [...form.querySelectorAll("button")];
  for (const each of buttons) each.setAttribute("aria-disabled", "true");
  try {
    const answer = await ask(form.action, { method: "POST", body: fields });
    tell((await answer.text()).trim(), answer.ok);
    if (answer.ok) done(form);
  } catch {
    tell("The server did not answer. Look before you press again.", false);
  } finally {
    for (const each of buttons) each.removeAttribute("aria-disabled");
    delete form.dataset.held;
  }
  last = "";
  look();
}

function done(form) {
  form.reset();
  const sheet = form.closest("details");
  if (!sheet) return;
  sheet.open = false;
  sheet.querySelector("summary").focus();
}

document.addEventListener("submit", (event) => {
  event.preventDefault();
  if (event.submitter && event.submitter.getAttribute("aria-disabled")) return;
  send(event.target, event.submitter);
});

// What somebody has begun to fill in is held as it is, version and all, until it is sent or closed.
document.addEventListener("input", (event) => {
  if (event.target.form) event.target.form.dataset.held = "true";
});

document.addEventListener(
  "toggle",
  (event) => {
    const sheet = event.target;
    if (!sheet.matches("details.pop")) return;
    if (!sheet.open) {
      for (const form of sheet.querySelectorAll("form")) delete form.dataset.held;
      return;
    }
    for (const other of document.querySelectorAll("details.pop[open]")) if (other !== sheet) other.open = false;
    const field = sheet.querySelector("input:not([type=hidden])");
    if (field) field.select ? (field.focus(), field.select()) : field.focus();
  },
  true,
);

document.addEventListener("keydown", (event) => {
  const sheet = event.key === "Escape" ? document.querySelector("details.pop[open]") : null;
  if (!sheet) return;
  sheet.open = false;
  sheet.querySelector("summary").focus();
});

document.addEventListener("click", (event) => {
  for (const sheet of document.querySelectorAll("details.pop[open]")) {
    if (!sheet.contains(event.target)) sheet.open = false;
  }
});

waiting = setTimeout(look, EVERY);
