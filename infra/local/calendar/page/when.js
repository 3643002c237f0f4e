// Wall-clock arithmetic. A wall time is a number of minutes, counted as if the calendar's zone were UTC.

export const DAY = 1440;
const NAMES = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

const two = (number) => String(number).padStart(2, "0");
const date = (wall) => new Date(wall * 60000);

/** What "2026-11-24" or "2026-11-24T09:30:00+01:00" says on its own clock. */
export function wallOf(text) {
  const [, year, month, day, hour, minute] = text.match(/^(\d+)-(\d+)-(\d+)(?:T(\d+):(\d+))?/);
  return Date.UTC(year, month - 1, day, hour || 0, minute || 0) / 60000;
}

export const dayOf = (wall) => Math.floor(wall / DAY) * DAY;
export const weekOf = (wall) => dayOf(wall) - ((date(wall).getUTCDay() + 6) % 7) * DAY;
export const dayText = (wall) => date(wall).toISOString().slice(0, 10);
export const inputText = (wall) => date(wall).toISOString().slice(0, 16);
export const clockText = (wall) => `${two(date(wall).getUTCHours())}:${two(date(wall).getUTCMinutes())}`;
export const dayName = (wall) => NAMES[(date(wall).getUTCDay() + 6) % 7];
export const dayNumber = (wall) => date(wall).getUTCDate();
export const shortDay = (wall) => `${dayName(wall)} ${dayNumber(wall)} ${MONTHS[date(wall).getUTCMonth()].slice(0, 3)}`;

/** "November 2026", "Nov – Dec 2026", "Dec 2026 – Jan 2027". */
export function weekTitle(monday) {
  const [first, last] = [date(monday), date(monday + 6 * DAY)];
  const month = (day) => MONTHS[day.getUTCMonth()];
  if (first.getUTCMonth() === last.getUTCMonth()) return `${month(first)} ${first.getUTCFullYear()}`;
  const year = first.getUTCFullYear() === last.getUTCFullYear() ? "" : ` ${first.getUTCFullYear()}`;
  return `${month(first).slice(0, 3)}${year} – ${month(last).slice(0, 3)} ${last.getUTCFullYear()}`;
}

const formats = new Map();

function format(zone) {
  if (!formats.has(zone)) {
    const parts = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" };
    formats.set(zone, new Intl.DateTimeFormat("en-CA", { ...parts, timeZone: zone, hourCycle: "h23" }));
  }
  return formats.get(zone);
}

/** What the clocks of `zone` show at an instant (minutes since the epoch). */
export function wallAt(instant, zone) {
  const found = Object.fromEntries(format(zone).formatToParts(date(instant)).map(({ type, value }) => [type, value]));
  return Date.UTC(found.year, found.month - 1, found.day, found.hour, found.minute) / 60000;
}

/** The instant at which the clocks of `zone` show `wall`; within a gap, the one as far behind its beginning. */
export function instantOf(wall, zone) {
  const guess = wall - (wallAt(wall, zone) - wall);
  return wall - (wallAt(guess, zone) - guess);
}

/** RFC 3339 in UTC. */
export const utcText = (instant) => `${inputText(instant)}:00Z`;

/** "09:30 – 10:15", "24 Nov – 26 Nov", with days where there are several. */
export function spanText(event) {
  if (event.allDay) {
    const last = event.end - DAY;
    return last > event.start ? `${shortDay(event.start)} – ${shortDay(last)}` : shortDay(event.start);
  }
  if (dayOf(event.start) === dayOf(event.end)) return `${clockText(event.start)} – ${clockText(event.end)}`;
  return `${shortDay(event.start)} ${clockText(event.start)} – ${shortDay(event.end)} ${clockText(event.end)}`;
}
