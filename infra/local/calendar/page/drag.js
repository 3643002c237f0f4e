// What a pointer does in the week: makes events over empty time, moves them, makes them longer.

import { byId, make } from "/page/make.js";
import { put } from "/page/week.js";
import { DAY, clockText } from "/page/when.js";

const STEP = 15; // minutes
const SLACK = 4; // px a hand trembles without dragging
const EDGE = 28; // px from the edge at which the week scrolls along
const snapped = (minutes) => Math.round(minutes / STEP) * STEP;

let gesture = null;

/** True while something is being dragged: nothing must be drawn under it. */
export const dragging = () => gesture?.moved === true;

/** Have gestures tell `actions`: event(key), open(key), move(event, start, end), create(start, end, allDay). */
export function gestures(actions) {
  byId("grid").addEventListener("pointerdown", (pressed) => begin(pressed, timed(pressed, actions)));
  byId("allday").addEventListener("pointerdown", (pressed) => begin(pressed, daily(pressed, actions)));
  document.addEventListener("keydown", (key) => { if (key.key === "Escape" && gesture) end(false); }, true);
  byId("week").addEventListener("click", (click) => {
    const key = click.target.closest("[data-key]")?.dataset.key;
    if (key) actions.open(key);
  });
}

function begin(pressed, plan) {
  if (pressed.button !== 0 || !plan) return;
  gesture = { plan, x: pressed.clientX, y: pressed.clientY, moved: false, span: plan.span(0, 0) };
  document.addEventListener("pointermove", follow);
  document.addEventListener("pointerup", drop);
  document.addEventListener("pointercancel", lose);
}

function follow(pointer) {
  const far = Math.hypot(pointer.clientX - gesture.x, pointer.clientY - gesture.y);
  if (!gesture.moved && far < SLACK) return;
  pointer.preventDefault();
  gesture.moved = true;
  document.body.classList.add("dragging");
  scrollAlong(pointer.clientY);
  gesture.span = gesture.plan.at(pointer);
  gesture.plan.ghost(gesture.span);
}

const drop = () => end(true);
const lose = () => end(false);

function end(kept) {
  const { plan, moved, span } = gesture;
  gesture = null;
  document.body.classList.remove("dragging");
  for (const ghost of document.querySelectorAll(".ghost")) ghost.remove();
  for (const [name, listener] of [["pointermove", follow], ["pointerup", drop], ["pointercancel", lose]]) {
    document.removeEventListener(name, listener);
  }
  if (moved) swallowClick();
  if (kept && (moved || plan.onPress)) plan.done(span);
}

/** The click that a release is taken for would open what was only moved. */
function swallowClick() {
  const swallow = (click) => { click.stopPropagation(); click.preventDefault(); };
  window.addEventListener("click", swallow, { capture: true, once: true });
  setTimeout(() => window.removeEventListener("click", swallow, { capture: true }), 0);
}

function scrollAlong(y) {
  const week = byId("week");
  if (y < byId("head").getBoundingClientRect().bottom + EDGE) week.scrollTop -= 12;
  if (y > week.getBoundingClientRect().bottom - EDGE) week.scrollTop += 12;
}

// ---- among the hours ----

function under(pointer) {
  const grid = byId("grid");
  const box = grid.getBoundingClientRect();
  const number = Math.min(Math.max(Math.floor(((pointer.clientX - box.left) / box.width) * 7), 0), 6);
  const minutes = Math.min(Math.max(((pointer.clientY - box.top) / box.height) * DAY, 0), DAY);
  return { day: Number(grid.children[number].dataset.day), minutes };
}

function timed(pressed, actions) {
  const from = under(pressed);
  const pressedOn = pressed.target.closest("[data-key]");
  if (!pressedOn) return making(from, actions);
  const event = actions.event(pressedOn.dataset.key);
  if (!event?.writable) return null;
  return pressed.target.closest(".grip") ? lengthening(event, actions) : moving(event, from, actions);
}

function making(from, actions) {
  const start = from.day + Math.floor(from.minutes / 30) * 30;
  const span = () => [start, start + 60];
  const at = (pointer) => {
    const wall = from.day + snapped(under(pointer).minutes);
    return wall > start ? [start, wall] : [wall, start + (wall === start ? STEP : 0)];
  };
  return { span, at, ghost: ghostAmongHours, done: (made) => actions.create(...made, false), onPress: true };
}

function moving(event, from, actions) {
  const at = (pointer) => {
    const to = under(pointer);
    const by = to.day - from.day + snapped(event.start + to.minutes - from.minutes) - event.start;
    return [event.start + by, event.end + by];
  };
  return { span: () => [event.start, event.end], at, ghost: ghostAmongHours, done: (span) => actions.move(event, ...span) };
}

function lengthening(event, actions) {
  const at = (pointer) => {
    const to = under(pointer);
    return [event.start, Math.max(to.day + snapped(to.minutes), event.start + STEP)];
  };
  return { span: () => [event.start, event.end], at, ghost: ghostAmongHours, done: (span) => actions.move(event, ...span) };
}

function ghostAmongHours([start, end]) {
  for (const old of document.querySelectorAll(".ghost")) old.remove();
  for (const column of byId("grid").children) {
    const day = Number(column.dataset.day);
    const [from, to] = [Math.max(start - day, 0), Math.min(end - day, DAY)];
    if (from >= to) continue;
    const ghost = make("div", { class: "ghost" }, `${clockText(start)} – ${clockText(end)}`);
    put(ghost, from, to);
    column.append(ghost);
  }
}

// ---- above them ----

function dayUnder(pointer) {
  const cells = [...byId("allday").querySelectorAll(".cell")];
  const found = cells.findLast((cell) => cell.getBoundingClientRect().left <= pointer.clientX) || cells[0];
  return Number(found.dataset.day);
}

function daily(pressed, actions) {
  if (!pressed.target.closest("#bars")) return null;
  const from = dayUnder(pressed);
  const key = pressed.target.closest("[data-key]")?.dataset.key;
  if (!key) {
    const at = (pointer) => { const to = dayUnder(pointer); return [Math.min(from, to), Math.max(from, to) + DAY]; };
    return { span: () => [from, from + DAY], at, ghost: ghostAbove, done: (span) => actions.create(...span, true), onPress: true };
  }
  const event = actions.event(key);
  if (!event?.writable) return null;
  const at = (pointer) => { const by = dayUnder(pointer) - from; return [event.start + by, event.end + by]; };
  return { span: () => [event.start, event.end], at, ghost: ghostAbove, done: (span) => actions.move(event, ...span) };
}

function ghostAbove([start, end]) {
  for (const old of document.querySelectorAll(".ghost")) old.remove();
  for (const cell of byId("allday").querySelectorAll(".cell")) {
    const day = Number(cell.dataset.day);
    if (start < day + DAY && end > day) cell.append(make("div", { class: "ghost" }));
  }
}
