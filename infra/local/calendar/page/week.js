// Draws the week: days, bars above the hours, events among them.

import { byId, make } from "/page/make.js";
import { bars, placed } from "/page/place.js";
import { renew } from "/page/renew.js";
import { DAY, clockText, dayName, dayNumber, dayOf, shortDay, spanText } from "/page/when.js";

export const SCALE = 0.8; // px a minute
const LINE = 16; // px a line of an event
const LOW = 32; // px below which an event shows one line
export const week = (monday) => Array.from({ length: 7 }, (_, number) => monday + number * DAY);

/** Draw what is not drawn yet; whoever had the focus has it still. */
export function draw({ monday, now, events, selected }) {
  const focused = document.activeElement?.dataset?.key;
  byId("days").replaceChildren(make("span", { class: "corner" }), ...week(monday).map((day) => header(day, now)));
  drawBars(monday, events, selected);
  week(monday).forEach((day, number) => {
    const column = byId("grid").children[number];
    column.dataset.day = day;
    renew(column, placed(events, day).map((part) => timed(part, day, selected)));
  });
  drawNow(monday, now);
  if (focused && document.activeElement?.dataset?.key !== focused) {
    document.querySelector(`#week [data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }
}

function header(day, now) {
  return make("span", { class: dayOf(now) === day ? "head today" : "head" }, `${dayName(day)} `, make("b", {}, dayNumber(day)));
}

/** The line of the present minute. */
export function drawNow(monday, now) {
  const line = byId("now");
  const number = (dayOf(now) - monday) / DAY;
  line.hidden = number < 0 || number > 6;
  line.style.left = `${(100 * number) / 7}%`;
  line.style.top = `${(now - dayOf(now)) * SCALE}px`;
}

/** The hours at the side, once. */
export function drawHours() {
  const hours = Array.from({ length: 23 }, (_, number) => number + 1);
  byId("hours").replaceChildren(...hours.map((hour) => {
    const label = make("span", {}, clockText(hour * 60));
    label.style.top = `${hour * 60 * SCALE}px`;
    return label;
  }));
  byId("grid").style.height = `${DAY * SCALE}px`;
  byId("grid").replaceChildren(...week(0).map((day) => make("div", { class: "day", data: { day } })));
  byId("grid").after(make("i", { id: "now", "aria-hidden": "true", hidden: true }));
}

function drawBars(monday, events, selected) {
  const parts = bars(events, monday);
  const rows = 1 + Math.max(0, ...parts.map(({ row }) => row));
  const cells = week(monday).map((day, number) => ({ id: `day ${number}`, signature: `${day} ${rows}`, build: () => cell(day, number, rows) }));
  renew(byId("bars"), [...cells, ...parts.map((part) => bar(part, selected))]);
}

function cell(day, number, rows) {
  const made = make("span", { class: "cell", data: { day } });
  made.style.gridArea = `1 / ${number + 1} / ${rows + 1} / ${number + 2}`;
  return made;
}

function bar({ event, first, last, row }, selected) {
  const build = () => {
    const made = block(event, "bar", selected);
    made.style.gridArea = `${row + 1} / ${first + 1} / ${row + 2} / ${last + 2}`;
    return made;
  };
  return { id: event.key, signature: signature(event, selected, first, last, row), build };
}

function timed(part, day, selected) {
  const { event, from, to, column, columns } = part;
  const build = () => {
    const made = block(event, "timed", selected);
    const height = put(made, from, to, column, columns);
    const rows = Math.floor((height - 6) / LINE) - (made.querySelector(".marks").children.length ? 2 : 1);
    made.classList.toggle("tight", rows < 1 && height >= LOW);
    made.style.setProperty("--lines", Math.max(rows, 1));
    return made;
  };
  return { id: event.key, signature: signature(event, selected, from, to, column, columns), build };
}

/** Everything that a block's looks depend on. */
function signature(event, selected, ...places) {
  const { raw, calendar, start, end } = event;
  return JSON.stringify([raw, start, end, calendar.hue, calendar.accessRole, event.key === selected, places]);
}

/** Put a block at its minutes of the day; returns its height. */
export function put(element, from, to, place = 0, places = 1) {
  const height = Math.max((to - from) * SCALE - 2, 18);
  Object.assign(element.style, {
    top: `${from * SCALE}px`,
    height: `${height}px`,
    left: `calc(${(100 * place) / places}% + 1px)`,
    width: `calc(${100 / places}% - 3px)`,
  });
  element.classList.toggle("low", height < LOW);
  return height;
}

function block(event, kind, selected) {
  const states = [
    kind, `hue${event.calendar.hue}`,
    event.cancelled && "cancelled", event.answer === "declined" && "declined",
    event.answer === "needsAction" && "asked", event.key === selected && "selected", event.writable && "writable",
  ];
  const when = spanText(event);
  const about = [event.title, when, event.conference, event.cancelled && "cancelled", event.guest && "invited"];
  const props = { type: "button", class: states.filter(Boolean).join(" "), data: { key: event.key } };
  const label = about.filter(Boolean).join(", ");
  return make("button", { ...props, title: label, "aria-label": `${label}, ${shortDay(event.start)}` },
    make("b", {}, event.title),
    kind === "timed" && make("span", { class: "when" }, clockText(event.start), make("span", { class: "until" }, ` – ${clockText(event.end)}`)),
    marks(event),
    kind === "timed" && event.writable && make("i", { class: "grip", "aria-hidden": "true" }));
}

function marks(event) {
  return make("span", { class: "marks" },
    event.conference && make("span", { class: "conference" }, event.conference),
    event.raw.recurringEventId && make("span", { class: "mark" }, "↻"),
    event.guest && make("span", { class: "mark" }, "guest"));
}
