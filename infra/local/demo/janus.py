"""The same with a real conferencing server: rooms of Janus, looked at through its own admin API.

Authority: https://janus.conf.meetecho.com/docs/videoroom.html
"""

from __future__ import annotations

from infra.local.demo.step import Shown, Step, Stopwatch
from infra.local.demo.world import Unkept, World, asking, expect
from infra.wiring import janus_server

TITLE = "On Janus"


def opened(world: World) -> Shown:
    """A new event gets a room, and carries its link."""
    event = world.person.insert(asking(TITLE, world.at(7, 18), provider="janus"))["id"]
    since = Stopwatch()
    link, room = world.until("the event carries its room's link", lambda: _link(world, event))
    ms = since.ms
    world.events["janus"] = event
    expect("the room's title", rooms(world).get(room), TITLE)
    if not link.endswith(f"/j/{room}"):
        raise Unkept("the event's link is not the room's")
    expect("what the link leads to", _door(world, link), "early")
    return Shown("created, asking for Janus", "a room on Janus; its link is in the event", ms)


def retitled(world: World) -> Shown:
    """A new title reaches the room."""
    _, room = world.until("the event has a room", lambda: _link(world, world.events["janus"]))
    world.person.patch(world.events["janus"], summary=f"{TITLE}, renamed")
    since = Stopwatch()
    world.until("the room is renamed", lambda: rooms(world).get(room) == f"{TITLE}, renamed")
    return Shown("renamed", "the same room, renamed", since.ms)


def closed(world: World) -> Shown:
    """A cancelled event's room is destroyed."""
    link, room = world.until("the event has a room", lambda: _link(world, world.events["janus"]))
    world.person.delete(world.events["janus"])
    since = Stopwatch()
    world.until("the room is gone", lambda: room not in rooms(world))
    ms = since.ms
    world.until("its link says so", lambda: _door(world, link) == "cancelled")
    return Shown("cancelled", "the room is destroyed; its link says so", ms)


def rooms(world: World) -> dict[str, str]:
    """The rooms there are, by id, each with its title. Raises Unkept if there is no Janus."""
    server = janus_server(world.settings)
    if server is None:
        raise Unkept("there is no Janus here")
    asked = {
        "janus": "message_plugin",
        "plugin": "janus.plugin.videoroom",
        "transaction": "story",
        "admin_secret": server.secrets.admin,
        "request": {"request": "list", "admin_key": server.secrets.room},
    }
    address = f"http://127.0.0.1:{world.settings.janus_admin_port}/admin"
    told = world.client.post(address, json=asked).raise_for_status().json()
    return {room["room"]: room["description"] for room in told["response"]["list"]}


def _door(world: World, link: str) -> str:
    """How the door of the room stands, as the page that the link leads to tells."""
    state: str = world.client.get(f"{link}/state").raise_for_status().json()["state"]
    return state


def _link(world: World, event: str) -> tuple[str, str] | None:
    conference = world.person.get(event).get("conferenceData", {})
    links = [entry["uri"] for entry in conference.get("entryPoints", ()) if entry["entryPointType"] == "video"]
    return (links[0], conference["conferenceId"]) if "conferenceId" in conference and links else None


STEPS = (
    Step("opened", "Janus: a new event gets a room", opened, needs_janus=True),
    Step("retitled", "Janus: the title follows", retitled, needs_janus=True),
    Step("closed", "Janus: a cancelled event loses its room", closed, needs_janus=True),
)
