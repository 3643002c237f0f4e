"""Canaries of what is decided and done at the provider: creating, sharing, letting go, and what its answers mean."""

from __future__ import annotations

from tests.simulation.canaries.variant import Canary, Edit

EFFECTS, PLAN, RECONCILE, LINK = "functions.effects", "conference.plan", "functions.reconcile", "conference.link"
WORK = "functions.work"

CANARIES = (
    Canary(
        "create-without-find",
        "Where a provider knows no creation key, the meeting is sought before it is made.",
        "transient maximum: a repeated create makes a second meeting",
        (Edit(EFFECTS, "create_key in LOOK_FIRST:", "create_key is None:"),),
    ),
    Canary(
        "unanswered-create-repeated",
        "A create that was not answered is followed by a look, not by another create.",
        "transient maximum: both were done",
        (
            Edit(
                EFFECTS,
                "    written = provider.create(action.spec, key=link.key)\n",
                "    try:\n"
                "        written = provider.create(action.spec, key=link.key)\n"
                "    except OutcomeUnknown:\n"
                "        written = provider.create(action.spec, key=link.key)\n",
            ),
        ),
    ),
    Canary(
        "intent-not-recorded",
        "What is about to be created is noted first, under its key.",
        "convergence: an event cancelled after a crash leaves its meeting to the sweep",
        (Edit(EFFECTS, "    if work.stored.link != link:\n        work.keep()\n", ""),),
    ),
    Canary(
        "intent-let-go-unseen",
        "An event that is cancelled before its create was answered has the meeting sought and deleted.",
        "transient maximum or I9: a ghost until the sweep",
        (Edit(EFFECTS, "    ref = link.ref or _created_unseen(provider, link)\n", "    ref = link.ref\n"),),
    ),
    Canary(
        "found-taken-as-right",
        "A create that yields an earlier meeting is not taken to hold what the event says now.",
        "freshness: an event changed between two tries is not followed",
        (
            Edit(
                EFFECTS,
                "action.digest if written.created or is_right(provider, written.meeting, action.spec) else None",
                "action.digest",
            ),
            Edit(
                EFFECTS,
                "work.set_link(msgspec.structs.replace(link, meeting=found))",
                "work.set_link(msgspec.structs.replace(link, meeting=found, agreed=action.digest))",
            ),
        ),
    ),
    Canary(
        "generation-stays",
        "A meeting that is made anew has a new key.",
        "convergence: the vendor remembers the deleted one's key",
        (Edit(EFFECTS, "generation = row.generation + 1 if anew else row.generation", "generation = row.generation"),),
        spared="simulated vendors let a key be used again once its meeting is gone, as the contract of providers asks",
        test="tests/flow/test_claims.py::test_an_event_asked_for_again_has_its_new_meeting_and_names_the_former",
    ),
    Canary(
        "absence-believed-at-once",
        "A meeting that is not there is asked for once more, a minute later, before another is made.",
        "transient maximum: an outage that answers 404 makes a second meeting",
        (
            Edit(
                EFFECTS,
                "    if row.absent_since is None or now - row.absent_since < ABSENCE.total_seconds() / 2:\n",
                "    if now < 0:\n",
            ),
        ),
    ),
    Canary(
        "deleted-meeting-not-replaced",
        "A meeting that was deleted at the vendor is made anew.",
        "convergence: the event stays without one",
        (
            Edit(
                PLAN,
                "        return (_create(event, anew=link.meeting is not None),)\n",
                "        return ()\n",
            ),
        ),
    ),
    Canary(
        "every-meeting-is-ours",
        "A meeting that we did not make is shown and never written or deleted.",
        "an invariant: a stranger's meeting is changed",
        (
            Edit(
                EFFECTS,
                "    owned = is_ours(work.ground.key_secret, key)\n",
                "    owned = bool(work.ground.key_secret)\n",
            ),
        ),
        spared="no simulated event names a meeting that strangers made",
        test="tests/flow/test_shared_meetings.py"
        "::test_a_strangers_meeting_that_an_event_names_is_neither_written_nor_deleted",
    ),
    Canary(
        "strangers-link-told",
        "The ways to join a meeting that we did not make are not told to who knows its id.",
        "an invariant: an event carries a stranger's join link",
        (Edit(PLAN, "    if known.ref.owned and not published", "    if not published"),),
        spared="no simulated event names a meeting that strangers made",
        test="tests/flow/test_shared_meetings.py"
        "::test_a_strangers_meeting_that_an_event_names_is_neither_written_nor_deleted",
    ),
    Canary(
        "adopted-always-leads",
        "An event that comes to a meeting which another one leads follows it.",
        "fixpoint or budget: both write the meeting in turn",
        (
            Edit(
                EFFECTS,
                "    leads = owned and not _leaders(work, ref)\n",
                "    leads = owned\n",
            ),
        ),
        spared="of two that lead one gives way at the next look; this saves them a few writes until then",
    ),
    Canary(
        "two-leaders-stay",
        "Of two events that took one meeting up at the same moment and both lead it, one gives way.",
        "fixpoint or budget: both write the meeting in turn",
        (Edit(EFFECTS, "    if link.leads and not right:\n", "    if link.leads and not link.provider:\n"),),
        spared="two events have to take one meeting up at the same moment, and both lead it",
        test="tests/flow/test_leading.py::test_of_two_that_lead_one_yields_and_the_other_goes_on",
    ),
    Canary(
        "gave-way-to-nobody",
        "An event that gives way looks once more whether anybody leads.",
        "freshness: a meeting that nobody leads is not followed",
        (Edit(EFFECTS, "    if not _leaders(work, ref):\n", "    if not link.provider:\n"),),
        spared="two events have to take one meeting up at the same moment, and both lead it",
        test="tests/flow/test_leading.py::test_who_yields_to_a_leader_that_lets_go_at_this_moment_leads_again",
    ),
    Canary(
        "followers-write",
        "Of the events that share a meeting only the leader's title and times count.",
        "fixpoint or budget: both write the meeting in turn",
        (
            Edit(
                PLAN,
                "    if link.leads and _differs(event, meeting, link):\n",
                "    if _differs(event, meeting, link):\n",
            ),
            Edit(PLAN, "(link.leads and link.agreed != event.digest)", "link.agreed != event.digest"),
        ),
    ),
    Canary(
        "shared-meeting-dies-with-its-first-link",
        "A meeting that several events hold is deleted with the last one.",
        "convergence and I2: the copy's meeting is gone",
        (
            Edit(
                EFFECTS,
                "        staying = [row for row in holders if not row.releasing]\n",
                "        staying: list[Row] = []\n",
            ),
        ),
    ),
    Canary(
        "nobody-promoted",
        "When the leader of a shared meeting goes, another event leads it.",
        "freshness: the rest's changes are not followed",
        (
            Edit(
                WORK,
                "    return any(_promote(ground, ledger.key_of(row.feed, row.event), ref) for row in heirs)\n",
                "    return True\n",
            ),
        ),
    ),
    Canary(
        "promoted-to-what-was",
        "An event that has another meeting by now is not made to lead the old one.",
        "I9: nobody deletes the meeting that was let go",
        (Edit(WORK, " or index(row.link.ref) != index(ref):", ":"),),
        spared="Few worlds hold a worker up for so long between its look and the promotion.",
        test="tests/flow/test_leading.py::test_who_lets_go_last_deletes_the_meeting_though_another_had_it_a_moment_ago",
    ),
    Canary(
        "taken-up-as-it-is-deleted",
        "Who takes a meeting up while another lets go of it looks whether it has lived on.",
        "freshness: an event names a dead meeting until the sweep",
        (Edit(EFFECTS, "if any(row.releasing for row in _holders(work, ref)):", "if work.row.mark < 0:"),),
        spared="Few worlds have an event taken up and another deleted within the same tenth of a second.",
        test="tests/flow/test_leading.py::test_who_takes_a_meeting_up_as_it_is_deleted_gets_another",
    ),
    Canary(
        "releasing-not-told",
        "Of two events that let go of one meeting at once, one sees that it is the last.",
        "I9: a spare meeting until the sweep",
        (
            Edit(
                EFFECTS,
                "    work.row = msgspec.structs.replace(work.row, releasing=True)\n    work.keep()\n",
                "",
            ),
        ),
        spared="who leads has the other led in its place, and that one "
        "sees that it is the last; the note is for two that lead",
        test="tests/flow/test_leading.py::test_two_that_lead_and_let_go_at_once_leave_no_meeting",
    ),
    Canary(
        "came-back-after-release",
        "An event that comes back while its meeting is being deleted has the meeting looked at.",
        "convergence: it keeps a link to a meeting that is gone",
        (
            Edit(
                RECONCILE,
                "        if job.row.releasing and isinstance(event, Wanted):\n",
                "        if job.row.releasing and job.row.mark < 0:\n",
            ),
        ),
        spared="a vendor has to refuse a deletion while the event comes back, and a copy to come and go afterwards",
        test="tests/flow/test_lost_answers.py"
        "::test_an_event_restored_while_the_vendor_refused_to_delete_holds_its_meeting_again",
    ),
    Canary(
        "moved-event-loses-its-meeting",
        "An event that moved to another calendar keeps its meeting and join link.",
        "convergence: the meeting that the moved event names is deleted",
        (Edit(EFFECTS, "_moved_elsewhere(work, row, ref) for row in", "() for row in"),),
    ),
    Canary(
        "out-of-sight-is-gone",
        "A calendar that cannot be searched may have the moved event, as long as it is not stopped.",
        "I8: the meeting that the moved event names is deleted",
        (
            Edit(
                EFFECTS,
                "    except (Gone, Refused) as error:\n        if feed.stopped:\n",
                "    except (Gone, Refused) as error:\n        if feed.user:\n",
            ),
        ),
        spared="Few worlds have the one search for a moved event fail.",
        test="tests/flow/test_shared_meetings.py::test_an_event_moved_to_a_calendar_out_of_sight_keeps_its_meeting",
    ),
    Canary(
        "moved-follower-loses-its-meeting",
        "Of two events that leave a calendar at once with one meeting, the one that moved keeps it.",
        "I8: the meeting that the moved event names is deleted with the other",
        (
            Edit(EFFECTS, "for row in [work.row, *mine]):", "for row in [work.row]):"),
            Edit(EFFECTS, "            _wait_for_heir(work, staying, ref)\n", ""),
        ),
        spared="Few worlds cancel an event and move another that shares its meeting within seconds.",
        test="tests/flow/test_shared_meetings.py::test_of_two_that_leave_at_once_the_one_that_moved_keeps_it",
    ),
    Canary(
        "guests-copy-is-no-move",
        "An event moved away from a calendar whose user is its guest, where a guest's copy stays, keeps its meeting.",
        "I8: the meeting that the moved event names is deleted",
        (
            Edit(
                EFFECTS,
                "(row.seen.organized_here and not row.seen.cancelled)",
                "not row.seen.cancelled",
            ),
        ),
    ),
    Canary(
        "switch-adopts-what-it-left",
        "An event that changes its provider does not take the old meeting's id for one of the new provider.",
        "convergence: a meeting of another vendor under the same id",
        (
            Edit(
                PLAN,
                "    return Adopt(event.provider, named) if named and not still else",
                "    return Adopt(event.provider, named) if named else",
            ),
        ),
        spared="ids of two vendors hardly ever agree: it saves a read that finds nothing",
    ),
    Canary(
        "named-meeting-not-adopted",
        "An event that names a meeting of ours already, as a copy does, is linked to it.",
        "convergence: two meetings where one was shared, and its join link changes",
        (
            Edit(
                PLAN,
                "    return Adopt(event.provider, named) if named and not still else",
                "    return Adopt(event.provider, named) if named == event.digest else",
            ),
        ),
    ),
    Canary(
        "own-echo-not-recognised",
        "Our own write comes back as a change and ends in nothing to do.",
        "rest, fixpoint and budget: each patch brings about the next",
        (
            Edit(PLAN, " and not published(event.conference, known):\n", ":\n"),
            Edit("functions.marking", "    if fresh == row and not anyway:\n", "    if row.mark < 0:\n"),
        ),
    ),
    Canary(
        "published-at-every-change",
        "An event that carries the ways to join is not written again when something else of it changes.",
        "call budget: one patch for each change",
        (Edit(PLAN, " and not published(event.conference, known):\n", ":\n"),),
    ),
    Canary(
        "meeting-updated-for-ever",
        "A meeting that holds what the event says is not written again.",
        "budget: it never comes to rest",
        (Edit(PLAN, "    return link.agreed != event.digest\n", "    return True\n"),),
    ),
    Canary(
        "read-back-not-kept",
        "What the provider shows of a meeting is kept in the link.",
        "convergence: a join link that was changed at the vendor is not told, or told for ever",
        (
            Edit(
                EFFECTS,
                "        work.set_link(msgspec.structs.replace(link, meeting=action.meeting, agreed=action.digest))\n",
                "        work.set_link(msgspec.structs.replace(link, agreed=action.digest))\n",
            ),
        ),
    ),
    Canary(
        "vendor-edit-not-mended",
        "A meeting that somebody changed at a vendor which does not tell what is brought back.",
        "convergence: the meeting stays wrong",
        (
            Edit(
                PLAN,
                "    if isinstance(meeting, Found) and meeting.meeting != link.meeting:\n",
                "    if isinstance(meeting, Found) and meeting.meeting is None:\n",
            ),
        ),
    ),
    Canary(
        "update-unconditional",
        "A meeting is written only at the version that the decision was made from.",
        "none, where the event has the last word over all that is written",
        (Edit(EFFECTS, "key=link.key, base=known)", "key=link.key, base=None)"),),
        spared="the event has the last word over all that is written, whatever version it is written over",
    ),
    Canary(
        "join-link-not-compared",
        "An event carries the meeting's ways to join as they are now.",
        "convergence: a join link that was changed at the vendor is not told",
        (
            Edit(
                LINK,
                "    return sorted(map(_entry_key, conference.entry_points)) == "
                "sorted(map(_entry_key, entry_points(meeting)))\n",
                "    return bool(conference.entry_points)\n",
            ),
        ),
    ),
)
