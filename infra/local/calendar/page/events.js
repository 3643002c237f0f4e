// Events as the page shows them, and the bodies it sends to change them.

import { dayText, instantOf, utcText, wallOf } from "/page/when.js";

/** False for an event that was put in raw and cannot be shown: tests need such ones, too. */
function readable({ summary, start, end, attendees = [], recurrence = [], organizer = {}, conferenceData = {} }) {
  const object = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
  const when = (value) => object(value) && /^\d{4}-\d\d-\d\d($|T\d\d:\d\d)/.test(value.date || value.dateTime || "");
  const lists = Array.isArray(attendees) && attendees.every(object) && Array.isArray(recurrence);
  const points = object(conferenceData) && (conferenceData.entryPoints || []);
  const conference = Array.isArray(points) && points.every((point) => typeof point?.uri === "string");
  return ["string", "undefined"].includes(typeof summary) && when(start) && when(end) && lists && object(organizer) && conference;
}

/** One event of a list, with its span on the page's clock; null for one that tells no times or cannot be shown. */
export function read(raw, calendar) {
  if (!readable(raw)) return null;
  const allDay = Boolean(raw.start.date);
  const me = (raw.attendees || []).find((guest) => guest.self);
  return {
    key: `${calendar.id} ${raw.id}`,
    raw,
    calendar,
    allDay,
    start: wallOf(raw.start.date || raw.start.dateTime),
    end: wallOf(raw.end.date || raw.end.dateTime),
    title: raw.summary || (calendar.accessRole === "freeBusyReader" ? "Busy" : "(no title)"),
    cancelled: raw.status === "cancelled",
    guest: !raw.organizer?.self && Boolean(me),
    answer: me?.responseStatus,
    writable: raw.status !== "cancelled" && ["writer", "owner"].includes(calendar.accessRole),
    conference: conferenceName(raw.conferenceData),
  };
}

function conferenceName(data) {
  if (!data) return null;
  const status = data.createRequest?.status?.statusCode;
  if (!data.conferenceSolution) return status === "pending" ? "conference pending" : status === "failure" ? "conference failed" : null;
  return data.conferenceSolution.name || data.conferenceSolution.key?.type || "conference";
}

/** `start` and `end` of a body; the event keeps the zone it is meant in. */
export function times(start, end, allDay, zone, before) {
  if (allDay) return { start: { date: dayText(start) }, end: { date: dayText(end) } };
  const moment = (wall, was) => ({ dateTime: utcText(instantOf(wall, zone)), timeZone: was?.timeZone || zone });
  return { start: moment(start, before?.start), end: moment(end, before?.end) };
}

const CLEARED = { date: null, dateTime: null, timeZone: null };

/** The same for a patch, which must say what is no more: a day has no hour, an hour no day. */
export function timesPatch(...span) {
  const { start, end } = times(...span);
  return { start: { ...CLEARED, ...start }, end: { ...CLEARED, ...end } };
}

/** The guests of a text, one by address; those known already keep what they answered. */
export function guests(text, known = []) {
  const addresses = [...new Set(text.split(/[\s,;]+/).filter(Boolean).map((address) => address.toLowerCase()))];
  return addresses.map((email) => known.find((guest) => guest.email?.toLowerCase() === email) || { email });
}

/** A request for a Google Meet conference; each try has an id of its own. */
export function newConference() {
  const requestId = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
  return { createRequest: { requestId, conferenceSolutionKey: { type: "hangoutsMeet" } } };
}
