"""Canaries of what catches the rest: sweeps and their guards, push channels, and writing the event."""

from __future__ import annotations

from tests.simulation.canaries.variant import Canary, Edit

SWEEP, CLOCK, CHANNEL, PATCH = "functions.sweep", "functions.clock", "functions.channel", "functions.patch"
CALENDAR, ERRORS = "infra.google.calendar", "infra.google.errors"
WITH_ETAG = "job.ground.calendar.patch(job.row.user, job.row.calendar, seen.id, body, etag=seen.etag)\n"
IF_MATCH = '                request.headers["If-Match"] = etag\n'

CANARIES = (
    Canary(
        "no-sweep",
        "Each calendar and each provider's account is compared as a whole now and then.",
        "convergence: spare meetings and what no notice told of",
        (Edit(CLOCK, '        "sweeps": sweep.sweep_due,\n', ""),),
    ),
    Canary(
        "no-orphan-check",
        "The sweep deletes meetings of ours that nobody holds.",
        "convergence: spare meetings",
        (Edit(SWEEP, '"orphans": _delete_orphans(ground, provider, meetings, links),', '"orphans": 0,'),),
    ),
    Canary(
        "no-missing-check",
        "The sweep marks events whose meeting is gone.",
        "convergence: an event without its meeting",
        (
            Edit(
                SWEEP,
                "_mark(ground, (row for held, row in linked if held not in meetings))",
                "0",
            ),
        ),
    ),
    Canary(
        "no-stale-check",
        "The sweep marks events whose meeting is not at the version last agreed on.",
        "convergence: a meeting that people changed stays changed",
        (
            Edit(
                SWEEP,
                "_mark(ground, (row for held, row in linked if _stale(row, meetings.get(held))))",
                "0",
            ),
        ),
    ),
    Canary(
        "sweep-marks-one-of-several",
        "The sweep marks every event that shares a meeting which is missing or stale.",
        "convergence: the others tell of a meeting that is gone",
        (
            Edit(
                SWEEP,
                "    linked = [(row.meeting, row) for row in _linked(ground, provider) if row.meeting]\n",
                "    linked = list({row.meeting: row for row in _linked(ground, provider) if row.meeting}.items())\n",
            ),
        ),
        spared="the sweeps that follow mark the others, one each",
        test="tests/flow/test_shared_meetings.py::test_the_sweep_sees_to_every_event_that_shares_a_missing_meeting",
    ),
    Canary(
        "no-comparing-run",
        "The sweep compares each calendar with the ledger.",
        "convergence: none, if every change comes to a list in the end",
        (
            Edit(
                SWEEP,
                "        feeds.raise_dirty(ground, feed, full=True)\n",
                "        feeds.raise_dirty(ground, feed)\n",
            ),
        ),
    ),
    Canary(
        "sweep-noted-before-it-is-asked-for",
        "A comparing run is asked for before its next turn is noted.",
        "convergence, if only a sweep would have mended it: a crash between the two skips one",
        (
            Edit(
                SWEEP,
                "        feeds.raise_dirty(ground, feed, full=True)\n"
                "        feeds.change(ground, feed, partial(_swept, next_at))\n",
                "        feeds.change(ground, feed, partial(_swept, next_at))\n"
                "        feeds.raise_dirty(ground, feed, full=True)\n",
            ),
        ),
    ),
    Canary(
        "refused-watch-not-tried-again",
        "A calendar that could not be watched is tried again with the next sweep.",
        "freshness: it is polled for ever",
        (Edit(SWEEP, "sweep_at=next_at, push=True)", "sweep_at=next_at)"),),
    ),
    Canary(
        "orphans-of-strangers",
        "The sweep deletes only meetings that we made.",
        "an invariant: a stranger's meeting is deleted",
        (
            Edit(
                SWEEP,
                "    if meeting.key is None or not is_ours(ground.key_secret, meeting.key):\n",
                "    if not ground.key_secret:\n",
            ),
            Edit(SWEEP, '[Where("key", "==", meeting.key)]', '[Where("key", "==", meeting.key or "none")]'),
        ),
    ),
    Canary(
        "orphans-not-asked-again",
        "Before an orphan is deleted, the ledger is asked once more who holds it.",
        "convergence: a meeting that was linked during the sweep is deleted",
        (
            Edit(
                SWEEP,
                '    if ground.store.query(ledger.COLLECTION, [Where("meeting", "==", held)], limit=1):\n'
                "        return False\n",
                "",
            ),
        ),
        spared="a meeting has to be linked in the second in which it is swept, and unlinked for an hour before",
        test="tests/flow/test_odd_sweeps.py::test_a_meeting_that_is_linked_while_the_sweep_looks_is_no_spare",
    ),
    Canary(
        "orphans-under-way-deleted",
        "A meeting whose creation has not been noted yet is no orphan.",
        "transient maximum or convergence: it is deleted under its event",
        (
            Edit(
                SWEEP,
                "    if any(row.meeting is None for row in map(ledger.decode, same_key)):\n",
                "    if not same_key and held == '':\n",
            ),
        ),
        spared="a create has to be under way for as long as a spare is left alone",
        test="tests/flow/test_odd_sweeps.py::test_a_meeting_that_is_linked_while_the_sweep_looks_is_no_spare",
    ),
    Canary(
        "orphans-deleted-at-first-sight",
        "An orphan is deleted only if it was seen unlinked a while ago already.",
        "convergence: a meeting that is about to be linked is deleted",
        (Edit(SWEEP, "    return _seen_unlinked_before(ground, held)\n", "    return True\n"),),
        spared="whoever makes a meeting has noted its key; only the add-on makes one before its event is saved",
        test="tests/flow/test_bounds.py::test_a_spare_is_spared_until_it_is_an_hour_old",
    ),
    Canary(
        "sweep-mass-deletion-admitted",
        "A sweep that would delete a great share of the meetings stops and alerts.",
        "I16: a lost ledger takes all meetings along",
        (
            Edit(
                SWEEP,
                "    if len(orphans) > limit and len(orphans) > share * max(len(links), 1):\n",
                "    if limit < 0 and share < 0:\n",
            ),
        ),
        spared="no simulated world loses so many rows at once",
        test="tests/flow/test_mass_deletions.py",
    ),
    Canary(
        "channel-closed-before-its-successor",
        "A channel is closed only when its successor is open.",
        "freshness: what changes between the two waits for the poll",
        (
            Edit(
                CHANNEL,
                "    name, secret = ground.new_secret(), ground.new_secret()\n",
                "    if current.channel:\n        close_channel(ground, current.channel)\n"
                "    name, secret = ground.new_secret(), ground.new_secret()\n",
            ),
        ),
    ),
    Canary(
        "channels-not-renewed",
        "A channel is renewed before it expires.",
        "freshness: notices end after two days",
        (Edit(CLOCK, '        "channels": channel.renew_due,\n', ""),),
    ),
    Canary(
        "channel-renewed-at-its-end",
        "A channel is renewed long before it ends.",
        "freshness: what changes before the next tick waits for the poll",
        (
            Edit(
                CHANNEL,
                "    return expires - min(ground.policy.channel_renewal, left / 2)\n",
                "    return expires + 0 * left\n",
            ),
        ),
    ),
    Canary(
        "no-look-after-renewal",
        "When a channel has a successor, the calendar is listed: the old one's last notices are refused.",
        "freshness: what changed while the channel was renewed waits for the poll",
        (
            Edit(
                CHANNEL,
                "    with suppress(Gone):\n        feeds.raise_dirty(ground, feed)\n    close_channel",
                "    with suppress(Gone):\n        close_channel",
            ),
        ),
    ),
    Canary(
        "old-channels-renewed",
        "Only the channel that the feed names is renewed.",
        "budget: each one that was replaced opens another",
        (
            Edit(
                CHANNEL,
                "    elif _is_current(ground, record.feed, name):\n",
                "    elif ground:\n",
            ),
        ),
    ),
    Canary(
        "replaced-channel-left-open",
        "The channel that was replaced is closed.",
        "an invariant on channels: two for one feed, and doubled notices",
        (
            Edit(
                CHANNEL,
                "    if before:\n        _close_replaced(ground, feed, before)\n",
                "    log.debug('replaced', channel=before)\n",
            ),
            Edit(
                CHANNEL,
                "        also = unneeded(ground, replaced) if replaced else []\n",
                "        also: list[Put] = []\n",
            ),
        ),
    ),
    Canary(
        "channel-not-on-record",
        "A channel is on record before it is asked for.",
        "an invariant on channels: one whose answer was lost is nobody's",
        (
            Edit(
                CHANNEL,
                "    (version,) = ground.store.commit(Put(key, msgspec.to_builtins(record), None))\n",
                "    version = None\n",
            ),
            Edit(
                CHANNEL,
                '    except Refused:\n        ground.store.commit(Delete(key, version or ""))\n',
                "    except Refused:\n",
            ),
            Edit(
                CHANNEL, '        # Nothing was opened.\n        ground.store.commit(Delete(key, version or ""))\n', ""
            ),
            Edit(
                CHANNEL,
                'Put(key, msgspec.to_builtins(opened), version or "")',
                "Put(key, msgspec.to_builtins(opened), version)",
            ),
        ),
    ),
    Canary(
        "channel-named-in-a-second-commit",
        "What Google answered to a watch is noted in one commit with the channel's name in its feed.",
        "an invariant on channels: a crash between the two leaves one that the feed does not name",
        (
            Edit(
                CHANNEL,
                "        ground.store.commit(feeds.put(document, document.key, wanted), record, *also)\n",
                "        ground.store.commit(record)\n"
                "        ground.store.commit(feeds.put(document, document.key, wanted), *also)\n",
            ),
        ),
        spared="the channel that nobody names is closed when its renewal is due",
    ),
    Canary(
        "unanswered-watch-not-looked-at",
        "A watch that was never answered is looked at again soon.",
        "an invariant on channels: one that the feed does not name stays open",
        (Edit(CHANNEL, "renew_at=now + REGISTERING, expires=latest)", "renew_at=latest, expires=latest)"),),
    ),
    Canary(
        "unanswered-watch-not-closed",
        "A channel whose watch was never answered is closed by the feed's resource id.",
        "an invariant on channels: it stays open until it runs out",
        (
            Edit(
                CHANNEL,
                "    resource = record.resource_id or _resource_of(ground, record.feed)\n",
                "    resource = record.resource_id\n",
            ),
        ),
    ),
    Canary(
        "closing-not-on-record",
        "That a channel is being closed is noted before it is closed.",
        "an invariant on channels: a close that failed is not tried again soon",
        (
            Edit(
                CHANNEL,
                "    (version,) = ground.store.commit(Put(document.key, msgspec.to_builtins(closing), "
                "document.version))\n",
                "    version, record = document.version, msgspec.structs.replace(closing, closing=False)\n",
            ),
        ),
        spared="the tick tries again each minute what it could not close; the note spares the asking",
        test="tests/flow/test_channels.py::test_a_watch_without_an_answer_leaves_a_record_until_it_would_have_ended",
    ),
    Canary(
        "failed-renewal-repeated-at-once",
        "A channel that could not be renewed waits until its next turn.",
        "call budget: none, where the tick is the only one to look",
        (
            Edit(
                CHANNEL,
                "            _postpone(ground, document, HOUR if isinstance(error, Revoked) else MINUTE)\n",
                "            log.debug('again', key=document.key, least=MINUTE)\n",
            ),
        ),
        spared="the tick looks once a minute anyway; it spares a revoked account the asking",
        test="tests/flow/test_bounds.py::test_a_renewal_that_fails_is_tried_again",
    ),
    Canary(
        "lacking-channel-not-opened",
        "A feed without a channel gets one at its next poll.",
        "freshness: it is polled for ever",
        (
            Edit(
                CLOCK,
                "    if current.channel is None and current.push:\n",
                "    if current.channel is None and current.stopped:\n",
            ),
        ),
    ),
    Canary(
        "no-if-match",
        "An event is written only as long as it is what was read.",
        "I1: a conference that was taken off or changed meanwhile is put back",
        (Edit(CALENDAR, IF_MATCH, '                request.headers["X-If-Match"] = etag\n'),),
    ),
    Canary(
        "whole-event-written-back",
        "Only our own fields of an event are written, and only as long as it is what was read.",
        "I1: a title or an hour that was changed meanwhile is put back",
        (
            Edit(CALENDAR, IF_MATCH, '                request.headers["X-If-Match"] = etag\n'),
            Edit(
                PATCH,
                "    try:\n        patched",
                '    body |= {"summary": seen.summary, "description": seen.description}\n'
                '    body |= {"start": msgspec.to_builtins(seen.start), "end": msgspec.to_builtins(seen.end)}\n'
                "    try:\n        patched",
            ),
        ),
    ),
    Canary(
        "old-body-under-a-fresh-etag",
        "A 412 is answered by deciding again, not by the old body under the new ETag.",
        "I1: a conference that was taken off or changed meanwhile is put back",
        (
            Edit(
                PATCH,
                f"        patched = {WITH_ETAG}",
                "        try:\n"
                f"            patched = {WITH_ETAG}"
                "        except Stale:\n"
                "            fresh = job.ground.calendar.get(job.row.user, job.row.calendar, seen.id)\n"
                "            patched = job.ground.calendar.patch(job.row.user, job.row.calendar, seen.id, body, "
                'etag=fresh.etag or "?")\n',
            ),
        ),
    ),
    Canary(
        "failed-patch-not-read-again",
        "After a patch that failed, the event is read before anything else is decided.",
        "freshness or budget: the same stale write again and again",
        (Edit(PATCH, "        job.row = msgspec.structs.replace(job.row, refresh=True)\n", ""),),
    ),
    Canary(
        "patched-without-conference-version",
        "The event is written with conferenceDataVersion 1, without which Google drops what is written.",
        "convergence: the event never carries the join link",
        (Edit(CALENDAR, '{"conferenceDataVersion": 1, "sendUpdates"', '{"conferenceDataVersion": 0, "sendUpdates"'),),
    ),
    Canary(
        "calendar-write-taken-as-not-done",
        "A write to the calendar that failed or was not answered may have been done.",
        "an invariant on channels, or none where the write is conditional",
        (
            Edit(
                ERRORS,
                '    return OutcomeUnknown("Calendar gave no usable answer to a write", where)\n',
                '    return Later("Calendar gave no usable answer to a write", where)\n',
            ),
            Edit(
                ERRORS,
                '    return OutcomeUnknown("Calendar failed during a write", problem.where)\n',
                '    return Later("Calendar failed during a write", problem.where, problem.after)\n',
            ),
        ),
    ),
    Canary(
        "errors-by-their-text",
        "A refusal of Calendar's is known by its reason and status, not by the words of its message.",
        "convergence: a dropped token or a quota in other words stops the feed",
        (
            Edit(
                ERRORS,
                "    return next(verdicts, _by_status(answer.status))(problem)\n",
                '    known = {"rate limit exceeded": _quota, "not found": _thing, "precondition failed": _stale}\n'
                "    return known.get(problem.message, _refused)(problem)\n",
            ),
        ),
    ),
)
