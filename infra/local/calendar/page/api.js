// The Calendar API as a browser calls it: nothing here is possible that another client could not do.
// Authority: https://developers.google.com/workspace/calendar/api/v3/reference

const BASE = "/calendar/v3/";
const MOST_PAGES = 20;

/** An answer that is an error; `reason` as Google names it. */
export class Refusal extends Error {
  constructor(status, reason, message) {
    super(`${status} ${reason}: ${message}`);
    this.status = status;
    this.reason = reason;
  }
}

async function refusal(answer) {
  const error = (await answer.json().catch(() => ({}))).error || {};
  return new Refusal(answer.status, error.errors?.[0]?.reason || "unknown", error.message || answer.statusText);
}

/** What the control route tells of the server's inside. */
export async function overview() {
  const answer = await fetch("/control/state");
  if (!answer.ok) throw new Refusal(answer.status, "control", answer.statusText);
  return answer.json();
}

/** The API as one user. */
export class Api {
  constructor(user) {
    this.user = user;
  }

  async call(method, path, { query = {}, body, etag } = {}) {
    const headers = { authorization: `Bearer dev:${this.user}` };
    if (body !== undefined) headers["content-type"] = "application/json";
    if (etag) headers["if-match"] = etag;
    // So that the log of requests can tell the page from the programs that are being developed.
    const asked = new URLSearchParams({ ...query, quotaUser: "page" });
    // The same address answers each user differently: nothing may come out of the browser's cache.
    const request = { method, headers, body: body && JSON.stringify(body), cache: "no-store" };
    const answer = await fetch(`${BASE}${path}?${asked}`, request);
    if (!answer.ok) throw await refusal(answer);
    return answer.status === 204 ? null : answer.json();
  }

  /** All items of a list, page by page. */
  async list(path, query = {}) {
    const items = [];
    let page = {};
    for (let pages = 0; pages < MOST_PAGES; pages += 1) {
      page = await this.call("GET", path, { query: page.nextPageToken ? { ...query, pageToken: page.nextPageToken } : query });
      items.push(...(page.items || []));
      if (!page.nextPageToken) break;
    }
    return items;
  }

  calendars() {
    return this.list("users/me/calendarList");
  }

  /** The occurrences of a span of time, in `timeZone`. */
  events(calendar, timeMin, timeMax, timeZone, showDeleted) {
    const query = { singleEvents: true, maxResults: 2500, timeMin, timeMax, timeZone, showDeleted };
    return this.list(collection(calendar), query);
  }

  get(calendar, id, timeZone) {
    return this.call("GET", one(calendar, id), { query: { timeZone } });
  }

  insert(calendar, body) {
    return this.call("POST", collection(calendar), { query: WRITING, body });
  }

  patch(calendar, id, etag, body) {
    return this.call("PATCH", one(calendar, id), { query: WRITING, body, etag });
  }

  cancel(calendar, id, etag) {
    return this.call("DELETE", one(calendar, id), { query: { sendUpdates: "all" }, etag });
  }
}

const WRITING = { conferenceDataVersion: 1, sendUpdates: "all" };
const collection = (calendar) => `calendars/${encodeURIComponent(calendar)}/events`;
const one = (calendar, id) => `${collection(calendar)}/${encodeURIComponent(id)}`;
