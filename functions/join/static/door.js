// Keeps the page true while somebody waits or talks: it looks how the door stands, and opens by itself.
"use strict";
(() => {
  const LOOK = 20_000, LONGEST = 86_400_000;
  const room = document.getElementById("room");
  const inside = () => document.body.dataset.inside === "1";

  function put(id, text) {
    const element = document.getElementById(id);
    if (element && element.textContent !== text) element.textContent = text;
  }

  async function look() {
    const answer = await fetch(room.dataset.at, { cache: "no-store" });
    if (answer.status === 404 && !inside()) return location.reload();
    if (!answer.ok) return;
    const now = await answer.json();
    if (now.state !== room.dataset.state && !inside()) return location.reload();
    put("title", now.title);
    put("name", now.title);
    put("when", now.when);
    put("zone", now.zone);
    put("says", now.says);
    document.title = now.title;
  }

  // What cannot be asked now is asked again the next time.
  setInterval(() => look().catch(() => {}), LOOK);
  const wait = Number(room.dataset.wait) * 1000;
  if (wait > 0 && wait < LONGEST) setTimeout(() => look().catch(() => {}), wait);
})();
