// The page: who is looking at which week, and what they do there. Everything goes through the API as that person.

import { Api, Refusal, overview } from "/page/api.js";
import { dragging, gestures } from "/page/drag.js";
import { read, timesPatch } from "/page/events.js";
import { drawInsides } from "/page/insides.js";
import { byId, make, say } from "/page/make.js";
import { closePanel, isOpen, onClose, openEvent, openNew, renewPanel, selected } from "/page/panel.js";
import { SCALE, draw, drawHours, drawNow } from "/page/week.js";
import { DAY, dayText, instantOf, utcText, wallAt, wallOf, weekOf, weekTitle } from "/page/when.js";

const EVERY = 600; // ms between two looks at the server
const HUES = 8;

const page = {
  api: null, state: null, zone: "UTC", now: 0, monday: null, calendars: [], events: [], unreadable: 0, hidden: new Set(), version: "",
  get target() { return this.targets.find(({ primary }) => primary) || this.targets[0]; },
  get targets() { return this.calendars.filter(({ accessRole }) => ["writer", "owner"].includes(accessRole)); },
  say,
  failed(error) {
    if (!(error instanceof Refusal)) return reached(false); // the next look tells when it is back
    const stale = error.status === 412;
    say(stale ? "Somebody else changed it just now; this is how it is." : error.message, true);
    return refresh().catch(() => reached(false));
  },
};

// ---- reading ----

async function look() {
  try {
    page.state = await overview();
    reached(true);
    await settle();
  } catch (error) {
    reached(false);
    if (error instanceof Refusal) say(error.message, true);
  }
  setTimeout(look, EVERY);
}

function reached(well) {
  byId("reach").textContent = well ? "" : "not reachable, trying again";
  document.body.classList.toggle("away", !well);
}

/** Bring everything shown to what the server now says. */
async function settle() {
  if (!page.api) enter(remembered() || page.state.users[0] || "alice@example.com");
  tick();
  drawUsers();
  drawInsides(page.state);
  const version = JSON.stringify([page.api.user, page.state.calendars]);
  if (version !== page.version && !dragging() && !waiting) {
    if (await refresh()) page.version = version;
  }
}

function tick() {
  page.now = wallAt(Math.floor(Date.parse(page.state.now) / 60000), page.zone);
  if (page.monday !== null && !dragging()) drawNow(page.monday, page.now);
}

/** Read the calendars and the week anew, and draw them; false if somebody went on meanwhile, so that it is outdated. */
async function refresh() {
  const { api } = page;
  const before = begun;
  const listed = await api.calendars();
  const calendars = listed.map((entry, number) => ({ ...entry, hue: number % HUES }));
  page.zone = calendars[0]?.timeZone || "UTC";
  tick();
  page.monday ??= weekOf(page.now);
  const monday = page.monday;
  const found = await readWeek(api, calendars, monday);
  if (api !== page.api || monday !== page.monday || before !== begun || dragging()) return false;
  const events = found.filter(Boolean);
  Object.assign(page, { calendars, events, unreadable: found.length - events.length });
  redraw();
  renewPanel(page);
  return true;
}

async function readWeek(api, calendars, monday) {
  const [from, to] = [monday, monday + 7 * DAY].map((wall) => utcText(instantOf(wall, page.zone)));
  const deleted = byId("cancelled").checked;
  const shown = calendars.filter(({ id }) => !page.hidden.has(id));
  const lists = await Promise.all(shown.map((calendar) =>
    api.events(calendar.id, from, to, page.zone, deleted).then((items) => items.filter((raw) => raw.start || raw.status !== "cancelled").map((raw) => read(raw, calendar)))));
  return lists.flat();
}

function redraw() {
  byId("title").textContent = weekTitle(page.monday);
  byId("unreadable").textContent = page.unreadable ? `${page.unreadable} not readable` : "";
  byId("day").value = dayText(page.monday);
  byId("week").setAttribute("aria-label", `Week of ${dayText(page.monday)}, ${page.zone}`);
  byId("new").disabled = !page.targets.length;
  draw({ monday: page.monday, now: page.now, events: page.events, selected: selected() });
  drawCalendars();
}

function drawUsers() {
  const users = [...new Set([...page.state.users, page.api.user])].sort();
  const select = byId("user");
  if ([...select.options].map(({ value }) => value).join() !== users.join()) {
    select.replaceChildren(...users.map((user) => make("option", { value: user }, user)));
  }
  select.value = page.api.user;
}

function drawCalendars() {
  const item = (calendar) => make("li", {}, make("label", { class: `hue${calendar.hue}` },
    make("input", { type: "checkbox", checked: !page.hidden.has(calendar.id), data: { key: `shows ${calendar.id}` }, onchange: () => show(calendar) }),
    make("span", {}, calendar.summary, make("small", {}, ` ${calendar.accessRole}`))));
  const focused = document.activeElement?.dataset?.key;
  byId("calendars").replaceChildren(...page.calendars.map(item));
  if (focused) byId("calendars").querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

function show(calendar) {
  if (!page.hidden.delete(calendar.id)) page.hidden.add(calendar.id);
  refresh().catch(page.failed);
}

// ---- who and when ----

const remembered = () => localStorage.getItem("user");

function enter(user) {
  closePanel();
  page.api = new Api(user);
  page.hidden.clear();
  localStorage.setItem("user", user);
}

function become(user) {
  enter(user);
  drawUsers();
  refresh().catch(page.failed);
}

function go(monday) {
  page.monday = monday;
  closePanel();
  refresh().catch(page.failed);
}

// ---- writing ----

let writes = Promise.resolve();
let waiting = 0;
let begun = 0; // how many writes ever were
const superseded = new Map(); // id and etag -> the version that a write of our own made of it

/** Do what changes something, one after the other; tell that it happened, and show what came of it. */
function write(work, told) {
  waiting += 1;
  begun += 1;
  writes = writes.then(() => tryToWrite(work, told));
  return writes;
}

async function tryToWrite(work, told) {
  try {
    const done = await work().finally(() => { waiting -= 1; });
    if (told) say(told);
    if (!waiting) await refresh();
    return done;
  } catch (error) {
    await page.failed(error);
    return null;
  }
}

const version = ({ id, etag }) => `${id} ${etag}`;

/** The version that is shown, or what we ourselves have made of it since: never what others have. */
function newest(raw) {
  let found = raw;
  while (superseded.has(version(found))) found = superseded.get(version(found));
  return found;
}

async function patch(calendar, raw, body) {
  const before = newest(raw);
  const done = await page.api.patch(calendar.id, before.id, before.etag, body);
  if (done.etag !== before.etag) superseded.set(version(before), done);
  return done;
}

page.insert = async (calendar, body) => {
  const made = await write(() => page.api.insert(calendar, body), "Made.");
  if (!made) return;
  const key = `${calendar} ${made.id}`;
  closePanel();
  document.querySelector(`#week [data-key^="${CSS.escape(key)}"]`)?.focus();
};

page.patch = (calendar, raw, body, told) => write(() => patch(calendar, raw, body), told)
  .then((done) => { if (done) closePanel(); });

page.cancel = (event, raw) => write(() => page.api.cancel(event.calendar.id, raw.id, newest(raw).etag).then(() => true), "Cancelled.")
  .then((done) => { if (done) closePanel(); });

page.answer = (event, responseStatus) => {
  const attendees = event.raw.attendees.map((guest) => (guest.self ? { ...guest, responseStatus } : guest));
  return write(() => patch(event.calendar, event.raw, { attendees }), "Answered.");
};

page.master = async (event) => {
  const raw = await page.api.get(event.calendar.id, event.raw.recurringEventId, page.zone);
  return read(raw, event.calendar);
};

function move(event, start, end) {
  if (start === event.start && end === event.end) return;
  Object.assign(event, { start, end }); // shown there at once; the answer says where it really is
  redraw();
  const body = timesPatch(start, end, event.allDay, page.zone, event.raw);
  write(() => patch(event.calendar, event.raw, body), "Moved.");
}

const find = (key) => page.events.find((event) => event.key === key);

function open(key) {
  const event = find(key);
  if (!event) return;
  openEvent(page, event);
  redraw();
}

function create(start, end, allDay) {
  if (page.target) openNew(page, start, end, allDay);
  else say("Choose a user who may write.", true);
}

function createNow() {
  const inWeek = page.now >= page.monday && page.now < page.monday + 7 * DAY;
  const start = inWeek ? Math.ceil(page.now / 30) * 30 : page.monday + 9 * 60;
  create(start, start + 60, false);
}

// ---- keyboard ----

const MOVES = { ArrowUp: -15, ArrowDown: 15, ArrowLeft: -DAY, ArrowRight: DAY };
const KEYS = { n: createNow, t: () => go(weekOf(page.now)), ArrowLeft: () => go(page.monday - 7 * DAY), ArrowRight: () => go(page.monday + 7 * DAY) };
const typing = (target) => target.closest("input, textarea, select, [role=tabpanel], pre");

function pressed(key) {
  if (key.key === "Escape" && isOpen()) return closePanel();
  if (typing(key.target) || key.ctrlKey || key.metaKey || page.monday === null) return null;
  const event = find(key.target.closest("#week [data-key]")?.dataset.key);
  const done = event?.writable ? onEvent(key, event) : false;
  if (done) return key.preventDefault();
  const act = !key.altKey && !key.shiftKey && KEYS[key.key];
  if (!act) return null;
  key.preventDefault();
  return act();
}

function onEvent(key, event) {
  if (key.key === "Delete") return page.cancel(event, event.raw) && true;
  const by = event.allDay && Math.abs(MOVES[key.key]) < DAY ? Math.sign(MOVES[key.key]) * DAY : MOVES[key.key];
  if (!by || key.altKey === key.shiftKey) return false;
  if (key.altKey) move(event, event.start + by, event.end + by);
  else if (event.end + by > event.start) move(event, event.start, event.end + by);
  return true;
}

// ---- beginning ----

byId("back").addEventListener("click", KEYS.ArrowLeft);
byId("on").addEventListener("click", KEYS.ArrowRight);
byId("today").addEventListener("click", KEYS.t);
byId("new").addEventListener("click", createNow);
byId("day").addEventListener("change", (change) => { if (change.target.value) go(weekOf(wallOf(change.target.value))); });
byId("user").addEventListener("change", (change) => become(change.target.value));
byId("cancelled").addEventListener("change", () => refresh().catch(page.failed));
byId("another").addEventListener("submit", (sent) => {
  sent.preventDefault();
  become(sent.target.elements.email.value.trim().toLowerCase());
  sent.target.reset();
});
document.addEventListener("keydown", pressed);
gestures({ event: find, open, move, create });
onClose(() => { if (page.monday !== null) redraw(); });
drawHours();
byId("week").scrollTop = 7.5 * 60 * SCALE;
look();
