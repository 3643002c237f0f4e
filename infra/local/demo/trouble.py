"""What goes wrong on the way: races with a person, lost notices, dropped tokens, a provider's bad day, forgeries."""

from __future__ import annotations

from functools import partial

from infra.local.demo.step import Shown, Step, Stopwatch
from infra.local.demo.world import Json, Unkept, World, asking, expect, ordinary


def collision(world: World) -> Shown:
    """The provider changes the link while a person renames the event: both changes survive."""
    event = world.person.insert(asking("Review", world.at(7, 14)))["id"]
    before = world.until("the event gets its meeting", lambda: world.joined(event))
    world.settle()
    world.count_from_here()
    # The person's notice is still on its way: what the product knows of the event is out of date.
    world.calendar.push(silent=True)
    world.person.patch(event, summary="Review, by a person")
    world.vendor.edit(before["id"], rotate_join_url=True)
    since = Stopwatch()
    after = world.until("the new link reaches the event", lambda: _rotated(world, event, before["join_url"]))
    world.until("the new title reaches the meeting", lambda: world.meeting_is(after["id"], title="Review, by a person"))
    ms = since.ms
    world.calendar.push()
    expect("the person's title", world.person.get(event)["summary"], "Review, by a person")
    patches = [entry["status"] for entry in world.calendar.log() if entry["method"] == "PATCH"]
    expect("the answers to our patches", patches, [412, 200])
    world.until("the next poll", partial(_polled, world))
    return Shown("renamed by hand while the provider changes the link", "412, then both changes stand", ms)


def _rotated(world: World, event: str, old: str) -> Json | None:
    meeting = world.joined(event)
    return meeting if meeting and meeting["join_url"] != old else None


def _polled(world: World) -> bool:
    world.stack.tick()
    return world.calendar.looked_at()


def lost_notice(world: World) -> Shown:
    """A change of which no notice ever comes is found by the next poll."""
    event = world.person.insert(asking("Unheard", world.at(7, 16)))["id"]
    meeting = world.until("the event gets its meeting", lambda: world.joined(event))["id"]
    world.settle()
    world.count_from_here()
    world.calendar.push(silent=True)
    world.person.patch(event, summary="Unheard, renamed")
    world.rest()
    if world.meeting_is(meeting, title="Unheard, renamed"):
        raise Unkept("the change was noticed although no notice was sent")
    since = Stopwatch()
    world.until("the poll finds the change", lambda: _ticked(world, meeting, "Unheard, renamed"))
    ms = since.ms
    world.calendar.push()
    return Shown("renamed; every notice is lost", "right after the next poll", ms)


def _ticked(world: World, meeting: str, title: str) -> object:
    world.stack.tick()
    return world.meeting_is(meeting, title=title)


def dropped_token(world: World) -> Shown:
    """The sync token is dropped: changes and deletions made meanwhile are found, and nothing is doubled."""
    kept, gone = (world.person.insert(asking(title, world.at(8, 9)))["id"] for title in ("Kept", "Gone"))
    meetings = [world.until("the event gets its meeting", partial(world.joined, event))["id"] for event in (kept, gone)]
    world.settle()
    before = {meeting["id"] for meeting in world.vendor.meetings()}
    world.count_from_here()
    world.calendar.push(silent=True)
    world.person.delete(gone)
    world.person.patch(kept, summary="Kept, renamed")
    world.calendar.expire_tokens(world.settings.user)
    world.calendar.push()
    world.person.insert(ordinary("Something else", world.at(9, 9)))
    since = Stopwatch()
    world.until("the deletion is found", lambda: world.vendor.meeting(meetings[1]) is None)
    world.until("the change is found", lambda: world.meeting_is(meetings[0], title="Kept, renamed"))
    ms = since.ms
    world.settle()
    expect("the meetings", {meeting["id"] for meeting in world.vendor.meetings()}, before - {meetings[1]})
    if 410 not in [entry["status"] for entry in world.calendar.log()]:
        raise Unkept("the calendar never answered 410")
    return Shown("renamed one, deleted one; the sync token is dropped", "both found by a full pass, none doubled", ms)


def bad_day(world: World) -> Shown:
    """429, then 500, then an answer that never comes though the meeting was made: in the end there is one meeting."""
    late = (world.settings.timeout + 1) * 1000
    world.vendor.fail(method="POST", path="^/meetings$", status=429, retry_after=1)
    world.vendor.fail(method="POST", path="^/meetings$", status=500)
    world.vendor.fail(method="POST", path="^/meetings$", after_apply=True, delay_ms=int(late))
    event = world.person.insert(asking("Bad day", world.at(9, 13)))["id"]
    since = Stopwatch()
    world.until("the event gets its meeting at last", lambda: world.joined(event))
    ms = since.ms
    world.settle()
    expect("meetings of this title", len(world.vendor.titled("Bad day")), 1)
    posts = [entry["status"] for entry in world.vendor.log() if entry["method"] == "POST"]
    # On a slow machine more answers may come too late than the one that we held back.
    expect("the answers to our creates", (posts[:3], set(posts[3:])), ([429, 500, 201], {200}))
    return Shown("created while the provider fails", "429, 500, timeout; then one meeting", ms)


def forged(world: World) -> Shown:
    """Notices that are not Google's are refused, all with the same answer, and start nothing."""
    told = world.stack.state()
    real = {"X-Goog-Channel-ID": told["channel"], "X-Goog-Resource-ID": told["resource_id"]}
    lies = (
        {"X-Goog-Channel-ID": "no-such-channel"},
        {"X-Goog-Channel-Token": "wrong"},
        {"X-Goog-Resource-ID": "wrong", "X-Goog-Channel-Token": ""},
        {"X-Goog-Channel-ID": "../feeds/" + str(told["feed"])},
    )
    since = Stopwatch()
    answers = {
        _notify(world, {"X-Goog-Channel-Token": "x", "X-Goog-Resource-State": "exists", **real, **lie}) for lie in lies
    }
    ms = since.ms / len(lies)
    after = world.stack.state()
    expect("the answers", answers, {(403, "refused\n")})
    expect("a run is owed", after["owed"], wanted=False)
    if sum(after["queue"].values()) > sum(told["queue"].values()):
        raise Unkept("something was queued")
    expect("calls", world.spent().lists, 0)
    return Shown("four forged notices", "all refused alike, nothing queued", ms)


def _notify(world: World, headers: dict[str, str]) -> tuple[int, str]:
    answer = world.client.post(f"{world.settings.base_url}/calendar_notification", headers=headers)
    return answer.status_code, answer.text


STEPS = (
    Step("collision", "nobody's edit is overwritten", collision),
    Step("lost_notice", "a lost notice is healed", lost_notice),
    Step("dropped_token", "a dropped token loses nothing", dropped_token),
    Step("bad_day", "a failing provider gets one meeting", bad_day),
    Step("forged", "forged notices start nothing", forged),
)
