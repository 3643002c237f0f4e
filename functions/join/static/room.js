// Joins a video room through Janus' own browser library (https://janus.conf.meetecho.com/docs/JS.html).
"use strict";
(() => {
  const PLUGIN = "janus.plugin.videoroom", ME = "me";
  const at = (id) => document.getElementById(id);
  const room = at("room"), call = at("call"), enter = at("enter");
  const tiles = new Map(), names = new Map();
  let session = null, own = null, ended = false;

  // ---- what is seen ----

  function tell(text) { at("told").textContent = text; }

  function count() {
    const people = names.size + 1;
    at("people").textContent = people === 1 ? "You are alone here" : `${people} people`;
  }

  function tile(feed) {
    let found = tiles.get(feed);
    if (!found) {
      const figure = document.createElement("figure"), video = document.createElement("video");
      const caption = document.createElement("figcaption");
      figure.className = "tile";
      Object.assign(video, { autoplay: true, playsInline: true, muted: feed === ME, srcObject: new MediaStream() });
      figure.append(video, caption);
      at("tiles").append(figure);
      found = { figure, video, caption };
      tiles.set(feed, found);
    }
    found.caption.textContent = feed === ME ? "You" : names.get(feed) || "Guest";
    return found;
  }

  function show(feed, track, on) {
    const stream = tile(feed).video.srcObject;
    if (on) stream.addTrack(track); else stream.removeTrack(track);
  }

  function drop(feed) {
    tiles.get(feed)?.figure.remove();
    tiles.delete(feed);
    names.delete(feed);
    count();
  }

  function go(inside) {
    document.body.dataset.inside = inside ? "1" : "";
    call.hidden = !inside;
    room.hidden = inside;
  }

  function end(text) {
    if (ended) return;                       // "destroyed" follows every other end and must not overwrite its reason
    ended = true;
    session?.destroy({ notifyDestroyed: false });
    [...tiles.keys()].forEach(drop);
    go(false);
    enter.querySelector("button").disabled = false;
    tell(text);
  }

  // ---- what is said to the server ----

  async function pass(display) {
    const body = JSON.stringify({ display });
    const answer = await fetch(room.dataset.grant, { method: "POST", headers: { "Content-Type": "application/json" }, body });
    if (answer.status === 403) throw new Error("The room is closed now.");
    if (answer.status === 404) throw new Error("This meeting is no more.");
    if (!answer.ok) throw new Error("You cannot be let in just now, try again in a moment.");
    return answer.json();
  }

  async function devices() {
    try {
      const kinds = new Set((await navigator.mediaDevices.enumerateDevices()).map((device) => device.kind));
      return ["audio", "video"].filter((kind) => kinds.has(`${kind}input`));
    } catch {
      return [];                             // no devices, or not a page that may use them: listen and watch only
    }
  }

  function publish(kinds) {
    if (!kinds.length) return tell("");
    own.createOffer({
      tracks: kinds.map((type) => ({ type, capture: true })),
      success: (jsep) => own.send({ message: { request: "publish" }, jsep }),
      // Refused the camera, a visitor may still be heard; refused both, they may still listen.
      error: () => publish(kinds.filter((kind) => kind !== kinds.at(-1))),
    });
  }

  function watch(grant, feed, secret) {
    let handle = null;
    session.attach({
      plugin: PLUGIN,
      success: (made) => {
        handle = made;
        handle.send({ message: { request: "join", ptype: "subscriber", room: grant.room, token: grant.token, private_id: secret, streams: [{ feed }] } });
      },
      onmessage: (_, jsep) => jsep && handle.createAnswer({
        jsep, success: (answer) => handle.send({ message: { request: "start", room: grant.room }, jsep: answer }), error: () => drop(feed),
      }),
      onremotetrack: (track, _, on) => names.has(feed) && show(feed, track, on),
      error: () => drop(feed),
    });
  }

  function heard(grant, kinds) {
    let secret = null;
    return (message, jsep) => {
      if (message.error_code) return end(message.error_code === 426 ? "The room is no more." : "The conferencing server did not let you in.");
      if (message.videoroom === "joined") {
        secret = message.private_id;
        go(true);
        tile(ME);
        publish(kinds);
      }
      if (message.videoroom === "destroyed") return end("The meeting was cancelled, and its room is no more.");
      if (message.reason === "kicked") return end("You were asked to leave.");
      for (const one of message.publishers ?? []) {
        names.set(one.id, one.display);
        tile(one.id);
        watch(grant, one.id, secret);
      }
      const gone = message.leaving ?? message.unpublished;
      if (gone && gone !== "ok") drop(gone);
      count();
      if (jsep) own.handleRemoteJsep({ jsep });
    };
  }

  function connect(grant, kinds) {
    session = new Janus({
      server: grant.server, token: grant.core, iceServers: [],
      error: () => end("The conferencing server does not answer."),
      destroyed: () => end("You have left."),
      success: () => session.attach({
        plugin: PLUGIN,
        success: (handle) => {
          own = handle;
          own.send({ message: { request: "join", ptype: "publisher", room: grant.room, token: grant.token, display: grant.display } });
        },
        onmessage: heard(grant, kinds),
        onlocaltrack: (track, on) => show(ME, track, on),
        error: () => end("The conferencing server did not let you in."),
      }),
    });
  }

  // ---- what a visitor does ----

  enter.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = enter.querySelector("button");
    button.disabled = true;
    ended = false;
    tell("");
    try {
      const grant = await pass(at("display").value);
      const kinds = await devices();
      Janus.init({ debug: false, callback: () => connect(grant, kinds) });
    } catch (error) {
      button.disabled = false;
      tell(error instanceof TypeError ? "There is no connection." : error.message);
    }
  });

  function toggle(button, isOff, off, on) {
    button.addEventListener("click", () => {
      if (isOff()) on(); else off();
      button.setAttribute("aria-pressed", String(isOff()));
    });
  }

  toggle(at("sound"), () => own.isAudioMuted(), () => own.muteAudio(), () => own.unmuteAudio());
  toggle(at("picture"), () => own.isVideoMuted(), () => own.muteVideo(), () => own.unmuteVideo());
  at("leave").addEventListener("click", () => end("You have left."));
})();
