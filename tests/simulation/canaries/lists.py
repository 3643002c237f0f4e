"""Canaries of listing: tokens and the marks they cover, full passes, and what counts as ours."""

from __future__ import annotations

from tests.simulation.canaries.variant import Canary, Edit

LISTING, MARKING, SYNC = "functions.listing", "functions.marking", "functions.sync"

CANARIES = (
    Canary(
        "late-series-forgets",
        "A series that asks for a conference late has the occurrences cancelled that were cancelled before.",
        "freshness: they are held at the vendor until the next full pass",
        (
            Edit(
                LISTING,
                "    if row is None or row.seen is None:\n",
                "    if row is None and sighting.series == zone:\n",
            ),
        ),
        spared="Few worlds cancel an occurrence of a series that has no conference yet, and ask for one then.",
        test="tests/flow/test_series.py::test_a_series_that_asks_late_keeps_the_exceptions_it_had",
    ),
    Canary(
        "token-before-marks",
        "The sync token is stored in the commit that holds the marks it covers.",
        "convergence and I4: a crash between the two loses changes",
        (
            Edit(
                LISTING,
                "    _write(a_pass, found, judge, page.zone, {} if",
                "    if token is not None:\n"
                "        _commit(a_pass, [], judge, page.zone, _moved(token, page.zone, full_at))\n"
                "        token = None\n"
                "    _write(a_pass, found, judge, page.zone, {} if",
            ),
        ),
    ),
    Canary(
        "fresh-token-on-410",
        "A dropped token is answered by comparing the whole calendar, not by taking a fresh one.",
        "freshness and convergence: what changed before the drop is never seen",
        (
            Edit(
                LISTING,
                '    """In a full pass an item may say nothing new."""\n',
                '    """In a full pass an item may say nothing new."""\n'
                "    if a_pass.feed.token is None and not a_pass.baseline:\n"
                "        return None\n",
            ),
            Edit(
                LISTING,
                "        _look_up(a_pass, shown, page.zone)\n",
                "        if a_pass.feed.token is not None or a_pass.baseline:\n"
                "            _look_up(a_pass, shown, page.zone)\n",
            ),
        ),
    ),
    Canary(
        "token-with-the-first-page",
        "The token is stored with the last page's marks, not with an earlier page's.",
        "convergence and I4: a run that breaks off between the pages loses the later ones",
        (
            Edit(
                LISTING,
                "    for page in _pages(a_pass, token=a_pass.feed.token, ends_after=None):\n"
                "        _note(a_pass, page, partial(_changed, a_pass), token=page.sync_token)\n",
                "    pages = list(_pages(a_pass, token=a_pass.feed.token, ends_after=None))\n"
                "    for page in pages:\n"
                "        _note(a_pass, page, partial(_changed, a_pass), token=pages[-1].sync_token)\n",
            ),
        ),
    ),
    Canary(
        "last-page-only",
        "Every page of a pass is noted.",
        "convergence: changes of the earlier pages are never seen",
        (
            Edit(
                LISTING,
                "        _note(a_pass, page, partial(_changed, a_pass), token=page.sync_token)\n",
                "        if page.sync_token:\n"
                "            _note(a_pass, page, partial(_changed, a_pass), token=page.sync_token)\n",
            ),
        ),
    ),
    Canary(
        "absence-is-deletion",
        "An event that a full pass did not show is looked up before it counts as deleted.",
        "convergence: a full pass after an event is over deletes its meeting",
        (
            Edit(
                LISTING,
                "        return a_pass.ground.calendar.get(a_pass.feed.user, a_pass.feed.calendar, row.event)\n",
                '        return Event(row.event, "cancelled")\n',
            ),
        ),
    ),
    Canary(
        "no-look-ups",
        "A full pass looks up the linked events that it was not shown.",
        "convergence: an event deleted before the token was dropped leaves a ghost",
        (Edit(LISTING, "        _look_up(a_pass, shown, page.zone)\n", ""),),
        spared="people of the simulation hardly ever move an event into the past as its calendar's token is lost",
        test="tests/flow/test_odd_full_passes.py"
        "::test_events_that_a_full_pass_does_not_show_are_looked_up_unless_long_over",
    ),
    Canary(
        "listing-mass-deletion-admitted",
        "A full pass that finds a great share of the linked events gone stops and alerts.",
        "I16: a calendar out of reach takes all its meetings along",
        (Edit(LISTING, "    if a_pass.feed.deletions_accepted:\n", "    if a_pass.ground:\n"),),
        spared="no simulated world loses so many events at once",
        test="tests/flow/test_mass_deletions.py",
    ),
    Canary(
        "baseline-is-a-flood",
        "The first pass of a calendar notes what is there and acts upon none of it.",
        "call budget, or a meeting for an event that was there before us",
        (Edit(LISTING, "a_pass.baseline = not a_pass.feed.full_at", "a_pass.baseline = False"),),
    ),
    Canary(
        "baseline-acts-on-later-pages",
        "Of a series that a first pass has noted, what a later page shows is noted too.",
        "I14: a meeting for a series that was there before us",
        (Edit(LISTING, "sighting.series in a_pass.noted:", "sighting.series == '':"),),
    ),
    Canary(
        "old-taken-as-recent",
        "A full pass acts upon an event without a row only if it was modified within a day (R3).",
        "convergence: an event from before us is acted upon",
        (
            Edit(
                LISTING,
                "    if not a_pass.baseline and marking.recently_modified(sighting, since):\n",
                "    if not a_pass.baseline:\n",
            ),
        ),
        spared="what it acts upon asks for a meeting of ours",
        test="tests/flow/test_baseline.py::test_what_a_later_full_pass_meets_for_the_first_time_counts_if_it_is_new",
    ),
    Canary(
        "recent-taken-as-old",
        "A full pass after a dropped token acts upon what was made since.",
        "freshness and convergence: a new event is noted and gets no meeting",
        (
            Edit(
                LISTING,
                "    if not a_pass.baseline and marking.recently_modified(sighting, since):\n",
                "    if a_pass.baseline and marking.recently_modified(sighting, since):\n",
            ),
        ),
    ),
    Canary(
        "full-pass-keeps-missing",
        "A full pass marks an event that asks for a meeting and has none.",
        "convergence: an event noted without a meeting never gets one",
        (Edit(LISTING, "anyway=missing and not a_pass.baseline)", "anyway=False)"),),
        spared="an event has to be noted by a first pass that breaks off, and to change before the next one",
        test="tests/flow/test_outages.py::test_a_change_before_the_first_pass_has_ended_is_followed",
    ),
    Canary(
        "full-pass-instead-of-the-token",
        "A comparing run lists from its token first, which alone tells of what came to be long ago.",
        "convergence: an event made in an outage of more than a day gets no meeting",
        (
            Edit(
                SYNC,
                "    if run.feed.token is not None:\n",
                "    if run.feed.token is not None and not run.feed.full_wanted:\n",
            ),
        ),
        spared="an event has to be made as an outage of weeks begins, and be over as it ends",
        test="tests/flow/test_outages.py::test_a_channel_that_expired_while_the_functions_were_down_is_replaced",
    ),
    Canary(
        "made-during-the-baseline",
        "An event that the baseline has noted without a meeting is a change when it is listed again.",
        "freshness: an event made during the first pass waits for the sweep",
        (Edit(LISTING, "sighting, zone, anyway=idle)", "sighting, zone)"),),
        spared="an event has to be made between two pages of a calendar's first pass",
        test="tests/flow/test_outages.py::test_a_change_during_the_first_pass_needs_no_sweep",
    ),
    Canary(
        "cancelled-occurrence-says-nothing",
        "A cancelled occurrence of a series that the baseline has noted is a change of the series.",
        "freshness: an event that was changed since waits for the sweep",
        (
            Edit(
                LISTING,
                "marking.is_ours(marking.with_series(sighting, row), ground.solutions)",
                "marking.is_ours(sighting, ground.solutions)",
            ),
        ),
    ),
    Canary(
        "exceptions-of-earlier-pages-lost",
        "An exception that is listed on an earlier page than its series is kept for it.",
        "convergence: a moved occurrence is not followed at a vendor that holds occurrences",
        (
            Edit(
                LISTING,
                "            one.exceptions = {**a_pass.apart.get(one.series, {}), **one.exceptions}\n",
                "            a_pass.apart.pop(one.series, None)\n",
            ),
        ),
        spared="a new series has to have lost an occurrence before it was ever listed, on another page",
        test="tests/flow/test_feeds.py::test_a_cancelled_occurrence_on_the_page_before_its_new_series_counts",
    ),
    Canary(
        "both-lead-in-one-commit",
        "Of two events that come to name one meeting in one commit, only one leads it.",
        "fixpoint or budget: both write the meeting in turn",
        (Edit(LISTING, "            row = _following(row, rows)\n", "            row = _following(row, [])\n"),),
        spared="of two that lead one gives way at the next look; this saves them a few writes until then",
    ),
    Canary(
        "baseline-always-leads",
        "An event that names a meeting which another one holds already follows it.",
        "fixpoint or budget: both write the meeting in turn",
        (Edit(MARKING, "leads=not shared)", "leads=True)"),),
        spared="of two that lead one gives way at the next look; this saves them a few writes until then",
        test="tests/flow/test_odd_full_passes.py::test_meetings_that_were_there_before_us_are_found_and_shared",
    ),
    Canary(
        "poison-ends-the-batch",
        "An event that cannot be read is noted and passed over; the rest of its page is not held back.",
        "convergence: the feed stands still",
        (
            Edit(
                LISTING,
                "            dead.note(a_pass.ground, a_pass.feed_id, item.id, item.cause)\n    # Before",
                "            raise Poison(item.cause)\n    # Before",
            ),
        ),
    ),
    Canary(
        "poison-skipped-in-silence",
        "An event that cannot be read is noted with its cause.",
        "I12: nothing in `dead`",
        (
            Edit(
                LISTING,
                "            dead.note(a_pass.ground, a_pass.feed_id, item.id, item.cause)\n    # Before",
                "            continue\n    # Before",
            ),
        ),
    ),
    Canary(
        "exception-is-a-series",
        "An exception belongs to its series' row and has no meeting of its own.",
        "convergence: a moved occurrence gets a second meeting",
        (
            Edit("conference.series", "        return event.recurring_event_id\n", "        return event.id\n"),
            Edit(
                "conference.series",
                "    return split_id(event.id)[0] if is_exception(event) else event.id\n",
                "    return event.id\n",
            ),
        ),
    ),
    Canary(
        "lone-exception-not-read",
        "An exception that comes without its series has the series read.",
        "convergence: the row stays without an event",
        (Edit(MARKING, "        refresh = True\n", "        refresh = row.refresh\n"),),
        spared="an exception has to change of which no pass ever showed the series",
        test="tests/flow/test_trouble.py::test_an_exception_that_comes_without_its_series_waits_for_it",
    ),
    Canary(
        "attendees-copy-acts",
        "Only the organizer's copy of an event has a meeting.",
        "convergence: an invited person's calendar makes a second one",
        (
            Edit(MARKING, "not e.cancelled and e.organized_here and provider_of", "not e.cancelled and provider_of"),
            Edit("functions.reconcile", "seen.cancelled or not seen.organized_here:", "seen.cancelled:"),
        ),
    ),
    Canary(
        "solution-by-its-name",
        "Whose conference it is, is told by the add-on's parameter, not by the name that is shown.",
        "convergence: people's changes of the name change who acts",
        (
            Edit(
                "conference.solution",
                '    if conference.conference_solution.key.type != "addOn":\n',
                '    if conference.conference_solution.name != "Lockstep":\n',
            ),
        ),
    ),
    Canary(
        "own-patch-forgotten",
        "The event as our own write left it is kept, so that its echo marks nothing.",
        "none, if it only saves commits: the echo ends in nothing to do",
        (
            Edit(
                "functions.patch",
                "    job.row = msgspec.structs.replace(job.row, seen=patched, wrote=patched.etag)\n",
                "    log.debug('patched', etag=patched.etag)\n",
            ),
        ),
    ),
    Canary(
        "older-list-overwrites",
        "What a list shows of an event that was read anew meanwhile is past.",
        "I14: the event is written at a version that it was found to have left",
        (Edit("functions.marking", "    if event.updated_at >= known.updated_at:\n", "    if event is not None:\n"),),
        spared="the next list or notice makes it good within seconds",
        test="tests/flow/test_odd_lists.py::test_a_list_that_is_older_than_what_was_read_meanwhile",
    ),
)
