// The event that is open: its form, its people and conference, its ids and versions.

import { guests, newConference, times, timesPatch } from "/page/events.js";
import { byId, link, make } from "/page/make.js";
import { DAY, dayText, inputText, shortDay, spanText, wallOf } from "/page/when.js";

const REPEATS = { "": "does not repeat", DAILY: "every day", "WEEKLY;BYDAY=MO,TU,WE,TH,FR": "every weekday", WEEKLY: "every week", MONTHLY: "every month" };
const ANSWERS = { accepted: "Accept", tentative: "Maybe", declined: "Decline" };

let shown = null; // {event, series, dirty, initial}
let opener = null; // what had the focus before

export const selected = () => shown?.event?.key || null;
let whenClosed = () => {};

/** Have `then` called whenever it closes. */
export function onClose(then) {
  whenClosed = then;
}

export const isOpen = () => !byId("panel").hidden;

/** Close it and give the focus back. */
export function closePanel() {
  shown = null;
  byId("panel").hidden = true;
  byId("panel").replaceChildren();
  whenClosed();
  if (opener?.isConnected) opener.focus();
  else if (opener?.dataset?.key) document.querySelector(`#week [data-key="${CSS.escape(opener.dataset.key)}"]`)?.focus();
}

/** Open the form of an event that is not there yet. */
export function openNew(page, start, end, allDay) {
  const event = { raw: {}, start, end, allDay, writable: true, calendar: page.target };
  draw(page, { event, fresh: true });
  byId("panel").querySelector("[name=title]").focus();
}

/** Open an event; `series` is its master when the whole series is meant. */
export function openEvent(page, event, series = null, focus = true) {
  draw(page, { event, series });
  if (focus) byId("panel").querySelector("h2").focus();
}

/** The events were read anew: show the open one's new state, unless somebody is writing in it. */
export function renewPanel(page) {
  if (!shown || shown.fresh) return;
  const now = page.events.find(({ key }) => key === shown.event.key);
  if (now?.raw.etag === shown.event.raw.etag) return;
  if (!now || shown.dirty) return tell(page, now);
  if (shown.series) page.master(now).then((master) => openEvent(page, now, master, false), () => closePanel());
  else openEvent(page, now, null, false);
}

function tell(page, now) {
  const again = now && make("button", { type: "button", onclick: () => openEvent(page, now) }, "Show it");
  byId("panel").querySelector(".stale")?.replaceChildren(now ? "Changed meanwhile; saving would be refused. " : "It is no longer in this week.", again || "");
}

function draw(page, now) {
  if (!isOpen()) opener = document.activeElement;
  const { event, series, fresh } = now;
  const subject = series || event;
  shown = { ...now, dirty: false };
  const form = make("form", { oninput: () => { shown.dirty = true; }, onsubmit: (sent) => { sent.preventDefault(); save(page, form, now); } });
  const locked = !event.writable;
  form.append(make("fieldset", { disabled: locked }, fields(page, subject, fresh)));
  const body = [
    heading(event, fresh),
    make("p", { class: "stale", role: "status" }),
    event.guest && answers(page, event),
    event.raw.recurringEventId && scope(page, event, series),
    form,
    !fresh && actions(page, event, series),
    !fresh && details(subject.raw),
  ];
  if (event.writable) form.append(make("button", { class: "primary", name: "save" }, fresh ? "Make event" : series ? "Save series" : "Save"));
  byId("panel").replaceChildren(...body.filter(Boolean));
  byId("panel").hidden = false;
  reveal(form);
}

function heading(event, fresh) {
  const close = make("button", { type: "button", class: "close", "aria-label": "Close", onclick: closePanel }, "×");
  const title = fresh ? "New event" : event.title;
  const when = fresh ? null : event.allDay ? spanText(event) : `${shortDay(event.start)}, ${spanText(event)}`;
  return make("header", {}, make("h2", { tabindex: "-1", class: event.cancelled ? "cancelled" : "" }, title), close,
    when && make("p", { class: "when" }, when),
    event.cancelled && make("p", { class: "bad" }, "Cancelled"),
    !fresh && !event.cancelled && !event.writable && make("p", { class: "soft" }, "You may read this calendar, not change it."));
}

// ---- the form ----

function fields(page, subject, fresh) {
  const { raw } = subject;
  const field = (label, input) => make("label", {}, label, input);
  const text = (name, value) => make("input", { name, value: value || "", autocomplete: "off", maxlength: "1000" });
  return [
    fresh && page.targets.length > 1 && field("Calendar", select("calendar", page.targets.map(({ id, summary }) => [id, summary]), page.target.id)),
    field("Title", text("title", raw.summary)),
    make("label", { class: "check" }, make("input", { type: "checkbox", name: "allDay", checked: subject.allDay, onchange: (change) => reveal(change.target.form) }), " All day"),
    make("div", { class: "span timedOnly" },
      field("From", make("input", { type: "datetime-local", name: "start", required: true, value: inputText(subject.start) })),
      field("Until", make("input", { type: "datetime-local", name: "end", required: true, value: inputText(subject.end) }))),
    make("div", { class: "span dayOnly" },
      field("From", make("input", { type: "date", name: "first", required: true, value: dayText(subject.start) })),
      field("To", make("input", { type: "date", name: "last", required: true, value: dayText(subject.allDay ? subject.end - DAY : subject.end) }))),
    fresh && field("Repeats", select("repeats", Object.entries(REPEATS), "")),
    !fresh && raw.recurrence && field("Repeats", make("input", { name: "rules", value: raw.recurrence.join(" "), autocomplete: "off" })),
    field("Guests", make("textarea", { name: "guests", rows: "2", placeholder: "bob@example.com carol@example.com", value: addresses(raw) })),
    field("Place", text("location", raw.location)),
    field("Description", make("textarea", { name: "description", rows: "3", value: raw.description || "" })),
    make("label", { class: "check" }, make("input", { type: "checkbox", name: "conference", checked: Boolean(raw.conferenceData) }),
      raw.conferenceData ? ` ${subject.conference || "Conference"}` : " Add Google Meet"),
  ];
}

const addresses = (raw) => (raw.attendees || []).map(({ email }) => email).join("\n");
const select = (name, options, value) => make("select", { name, value },
  options.map(([key, text]) => make("option", { value: key, selected: key === value }, text)));

function reveal(form) {
  const allDay = form.elements.allDay.checked;
  for (const [name, on] of [[".timedOnly", !allDay], [".dayOnly", allDay]]) {
    const part = form.querySelector(name);
    part.hidden = !on;
    for (const input of part.querySelectorAll("input")) input.disabled = !on;
  }
}

function spanOf(form) {
  const allDay = form.elements.allDay.checked;
  const names = allDay ? ["first", "last"] : ["start", "end"];
  const [start, end] = names.map((name) => wallOf(form.elements[name].value));
  return { allDay, start, end: allDay ? end + DAY : end };
}

async function save(page, form, { event, series, fresh }) {
  const subject = series || event;
  const span = spanOf(form);
  if (span.end <= span.start) return page.say("It would end before it begins.", true);
  if (fresh) return page.insert(form.elements.calendar?.value || page.target.id, newBody(page, form, span));
  const body = changes(page, form, span, subject);
  if (!Object.keys(body).length) return page.say("Nothing was changed.");
  return page.patch(event.calendar, subject.raw, body, "Saved.");
}

function written(form) {
  const value = (name) => form.elements[name].value.trim();
  return { summary: value("title"), location: value("location"), description: value("description") };
}

function newBody(page, form, span) {
  const body = Object.fromEntries(Object.entries(written(form)).filter(([, text]) => text));
  const asked = guests(form.elements.guests.value);
  const repeats = form.elements.repeats.value;
  Object.assign(body, times(span.start, span.end, span.allDay, page.zone));
  if (asked.length) body.attendees = asked;
  if (repeats) body.recurrence = [`RRULE:FREQ=${repeats}`];
  if (form.elements.conference.checked) body.conferenceData = newConference();
  return body;
}

/** Only what differs: a patch must not touch what nobody touched. */
function changes(page, form, span, subject) {
  const { raw } = subject;
  const body = {};
  for (const [name, text] of Object.entries(written(form))) if (text !== (raw[name] || "").trim()) body[name] = text || null;
  if (span.allDay !== subject.allDay || span.start !== subject.start || span.end !== subject.end) {
    Object.assign(body, timesPatch(span.start, span.end, span.allDay, page.zone, raw));
  }
  const asked = guests(form.elements.guests.value, raw.attendees);
  if (asked.map(({ email }) => email).join() !== (raw.attendees || []).map(({ email }) => email).join()) body.attendees = asked;
  const rules = form.elements.rules?.value.split(/\s+/).filter(Boolean);
  if (rules && rules.join() !== raw.recurrence.join()) body.recurrence = rules;
  if (form.elements.conference.checked !== Boolean(raw.conferenceData)) {
    body.conferenceData = raw.conferenceData ? null : newConference();
  }
  return body;
}

// ---- what stands around it ----

function answers(page, event) {
  const buttons = Object.entries(ANSWERS).map(([status, word]) => make("button", {
    type: "button", "aria-pressed": String(event.answer === status), onclick: () => page.answer(event, status),
  }, word));
  return make("div", { class: "choice", role: "group", "aria-label": "Your answer" }, buttons);
}

function scope(page, event, series) {
  const choose = (whole) => (whole ? page.master(event).then((master) => openEvent(page, event, master), page.failed) : openEvent(page, event));
  return make("div", { class: "choice", role: "group", "aria-label": "What is changed" },
    [["This occurrence", false], ["Whole series", true]].map(([word, whole]) => make("button", {
      type: "button", "aria-pressed": String(Boolean(series) === whole), onclick: () => choose(whole),
    }, word)));
}

function actions(page, event, series) {
  if (!event.writable) return null;
  const word = series ? "Cancel series" : event.raw.recurringEventId ? "Cancel occurrence" : event.guest ? "Remove from my calendar" : "Cancel event";
  return make("button", { type: "button", class: "danger", name: "cancel", onclick: () => page.cancel(event, (series || event).raw) }, word);
}

function details(raw) {
  const rows = ["id", "etag", "iCalUID", "status", "sequence", "created", "updated", "eventType", "recurringEventId", "visibility", "transparency"]
    .filter((name) => raw[name] !== undefined)
    .map((name) => make("div", {}, make("dt", {}, name), make("dd", {}, make("code", {}, String(raw[name])))));
  return make("div", { class: "details" },
    people(raw), conference(raw.conferenceData),
    make("h3", {}, "Identity and version"), make("dl", {}, rows),
    make("details", {}, make("summary", {}, "As the API gives it"), make("pre", { tabindex: "0" }, JSON.stringify(raw, null, 2))));
}

const person = (guest) => guest.displayName || guest.email || "somebody";

function people(raw) {
  const rows = (raw.attendees || []).map((guest) => make("li", { class: guest.responseStatus },
    make("span", {}, person(guest), guest.self && " (you)", guest.organizer && make("small", {}, " organizer")),
    make("small", {}, guest.responseStatus)));
  if (!rows.length && !raw.organizer) return null;
  return [make("h3", {}, "People"),
    rows.length ? make("ul", { class: "people" }, rows) : make("p", { class: "soft" }, `Organizer: ${person(raw.organizer)}`),
    rows.length && raw.organizer && make("p", { class: "soft" }, `Organizer: ${person(raw.organizer)}`)];
}

function conference(data) {
  if (!data) return null;
  const points = (data.entryPoints || []).map((point) => make("li", {},
    make("small", {}, point.entryPointType), link(point.uri, point.label || point.uri),
    ["pin", "passcode", "accessCode", "meetingCode", "password"].filter((name) => point[name]).map((name) => make("small", {}, `${name} ${point[name]}`))));
  const status = data.createRequest?.status?.statusCode;
  return [make("h3", {}, "Conference"),
    make("p", {}, data.conferenceSolution?.name || "", " ", data.conferenceId && make("code", {}, data.conferenceId), status && make("small", {}, ` ${status}`)),
    make("ul", { class: "points" }, points)];
}
