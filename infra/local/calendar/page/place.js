// Where events stand: side by side when they overlap, across days when they last.

import { DAY, dayOf } from "/page/when.js";

/** True for what stands above the hours. */
export const above = (event) => event.allDay || event.end - event.start >= DAY;

/** The parts of timed events that fall on one day: {event, from, to, column, columns}, minutes of the day. */
export function placed(events, day) {
  const parts = events
    .filter((event) => !above(event) && event.start < day + DAY && (event.end > day || event.start === day))
    .map((event) => ({ event, from: Math.max(event.start - day, 0), to: Math.min(event.end - day, DAY) }))
    .sort((one, other) => one.from - other.from || other.to - one.to);
  let cluster = [];
  let until = -1;
  for (const part of parts) {
    if (part.from >= until) cluster = [];
    cluster.push(part);
    intoColumn(part, cluster);
    until = Math.max(until, shown(part));
    for (const member of cluster) member.columns = 1 + Math.max(...cluster.map(({ column }) => column));
  }
  return parts;
}

const LEAST = 25; // minutes: what is shorter is drawn as tall as this
const shown = (part) => Math.max(part.to, part.from + LEAST);

function intoColumn(part, cluster) {
  const taken = new Set(cluster.filter((other) => other !== part && shown(other) > part.from).map(({ column }) => column));
  part.column = 0;
  while (taken.has(part.column)) part.column += 1;
}

/** The bars above the week: {event, first, last, row}, days counted from `monday`. */
export function bars(events, monday) {
  const parts = events.filter(above).map((event) => ({
    event,
    first: Math.max((dayOf(event.start) - monday) / DAY, 0),
    last: Math.min((dayOf(event.end - 1) - monday) / DAY, 6),
  }));
  const seen = parts.filter(({ first, last }) => first <= 6 && last >= 0);
  seen.sort((one, other) => one.first - other.first || other.last - one.last);
  const ends = [];
  for (const part of seen) {
    part.row = ends.findIndex((last) => last < part.first);
    if (part.row < 0) part.row = ends.length;
    ends[part.row] = part.last;
  }
  return seen;
}
