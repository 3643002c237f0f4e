// Shows the server's inside: what tokens stand on, who is told, how messages were answered, what was asked.

import { byId, make } from "/page/make.js";

const TABS = { calendars: "Calendars and tokens", channels: "Channels", deliveries: "Push messages", requests: "Requests" };
let open = localStorage.getItem("inside") || "";
let own = false;
let last = null;

const DRAWN = { calendars, channels, deliveries, requests };

/** Draw what the control route told; nothing is touched if it is the same as before. */
export function drawInsides(overview) {
  last = overview;
  drawTabs();
  const inside = byId("inside");
  inside.hidden = !open;
  if (!open) return;
  inside.setAttribute("aria-labelledby", `tab-${open}`);
  const fresh = make("div", {}, DRAWN[open](overview));
  if (inside.firstChild?.outerHTML !== fresh.outerHTML) inside.replaceChildren(fresh);
}

function drawTabs() {
  const counts = {
    calendars: last.calendars.length,
    channels: last.channels.filter((channel) => channel.live).length,
    deliveries: last.waiting ? `${last.waiting} waiting` : "",
    requests: "",
  };
  if (!byId("tabs").children.length) byId("tabs").append(...Object.entries(TABS).map(tab));
  for (const button of byId("tabs").children) {
    const name = button.dataset.tab;
    button.setAttribute("aria-selected", String(name === open));
    button.lastChild.textContent = counts[name];
  }
}

function tab([name, title]) {
  const toggle = () => {
    open = open === name ? "" : name;
    localStorage.setItem("inside", open);
    drawInsides(last);
  };
  const props = { role: "tab", id: `tab-${name}`, type: "button", "aria-controls": "inside", data: { tab: name }, onclick: toggle };
  return make("button", props, `${title} `, make("small", {}));
}

function table(columns, rows, empty) {
  if (!rows.length) return make("p", { class: "empty" }, empty);
  return make("table", {},
    make("thead", {}, make("tr", {}, columns.map((name) => make("th", { scope: "col" }, name)))),
    make("tbody", {}, rows));
}

const cells = (row, props = {}) => make("tr", props, row.map((cell) => make("td", {}, cell ?? "–")));
const time = (text) => make("time", { datetime: text, title: text }, text.slice(11, 23));
const code = (text) => make("code", { title: text }, text);

function calendars({ calendars: listed }) {
  const rows = listed.map((calendar) => cells([
    make(calendar.deleted ? "s" : "b", {}, calendar.summary), code(calendar.id), calendar.owner, calendar.timeZone, calendar.events, calendar.revision,
    calendar.expirations ? `expired ${calendar.expirations} ×` : "all valid",
    calendar.refusals < 0 ? "always" : calendar.refusals || "none",
    Object.entries(calendar.roles || {}).map(([who, role]) => `${who}: ${role}`).join(", ") || null,
  ]));
  const columns = ["Calendar", "Id", "Owner", "Zone", "Events", "Revision", "Sync tokens", "410s to come", "Shared with"];
  return table(columns, rows, "No calendars yet.");
}

function channels({ channels: listed }) {
  const rows = listed.map((channel) => cells([
    make("span", { class: channel.live ? "good" : "soft" }, channel.live ? "open" : channel.stopped ? "stopped" : "expired"),
    code(channel.id), channel.user, code(watched(channel)),
    code(channel.address), channel.expiration.slice(0, 16).replace("T", " "), channel.lastNumber,
  ]));
  return table(["", "Channel", "User", "Watches", "Address", "Expires (UTC)", "Last number"], rows, "Nobody watches anything.");
}

const watched = ({ resourceUri }) => resourceUri.replace(/^.*\/calendar\/v3\//, "").replace(/\?[^?]*$/, "");

function deliveries({ deliveries: listed }) {
  const rows = listed.map(({ time: when, channel, state, number, attempt, status }) => cells([
    time(when), answered(status), state, number, attempt > 1 ? `try ${attempt}` : "first try", code(channel),
  ]));
  return table(["Time (UTC)", "Answer", "State", "Number", "Try", "Channel"], rows, "No push message has been posted yet.");
}

const answered = (status) => make("span", { class: status && status < 300 ? "good" : "bad" }, status ?? "no answer");

function requests({ requests: listed }) {
  const shown = listed.filter((request) => own || !(request.query.quotaUser || []).includes("page"));
  const rows = shown.map((request) => cells([
    time(request.time), make("span", { class: request.status < 400 ? "good" : "bad" }, request.status),
    make("b", {}, request.method), code(request.path), code(queryText(request.query)), request.user, request.if_match && code(request.if_match), request.bytes,
  ]));
  const toggle = make("label", { class: "own" },
    make("input", { type: "checkbox", checked: own, onchange: (change) => { own = change.target.checked; drawInsides(last); } }),
    " this page's own too");
  return [toggle, table(["Time (UTC)", "Status", "Method", "Path", "Query", "User", "If-Match", "Bytes"], rows, "No program has asked for anything yet.")];
}

const queryText = (query) => Object.entries(query).flatMap(([name, values]) => values.map((value) => `${name}=${value}`)).join("  ") || "–";
