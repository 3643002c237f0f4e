"""Canaries of the way from a notice to a run: dirty numbers, leases, turns, and who wakes what was forgotten."""

from __future__ import annotations

from tests.simulation.canaries.variant import Canary, Edit

FEED, SYNC, CLOCK = "functions.feed", "functions.sync", "functions.clock"
NOTIFICATION, WEBHOOK, INITIALISE = "functions.notification", "functions.webhook", "functions.initialise"
CHANNEL = "functions.channel"
CHANNEL = "functions.channel"

CANARIES = (
    Canary(
        "static-run-names",
        "A run's task is named by the feed's dirty number, so that no name recurs.",
        "freshness: every run but the first is refused by the queue; the tick's wake hides it after a while",
        (
            Edit(
                FEED,
                'f"sync\\0{feed}\\0{number}\\0{turn}"',
                'f"sync\\0{feed}"',
            ),
        ),
    ),
    Canary(
        "dirty-number-reset",
        "The dirty number never returns to an earlier value.",
        "freshness: the second notice's task has the first one's name",
        (
            Edit(
                SYNC,
                "                synced_at=now,\n",
                "                synced_at=now,\n"
                "                dirty=0,\n"
                "                started=0,\n"
                "                done=0,\n",
            ),
        ),
    ),
    Canary(
        "notice-during-run-skipped",
        "A notice is passed over only if a run that has not begun will see it, not because one is under way.",
        "freshness: what changed during a run waits for the next poll",
        (
            Edit(
                FEED,
                "covered = current.dirty > current.started and",
                "covered = (current.dirty > current.done or current.lease_until > now) and",
            ),
        ),
    ),
    Canary(
        "dirty-read-outside-commit",
        "The dirty number is raised from what the commit finds, not from an earlier reading.",
        "freshness: a notice is passed over for a run that began in between",
        (
            Edit(
                FEED, "    asked: list[int] = []\n", "    asked: list[int] = []\n    _, outside = load(ground, feed)\n"
            ),
            Edit(FEED, "covered = current.dirty > current.started", "covered = outside.dirty > outside.started"),
            Edit(FEED, "asked.append(current.dirty + 1)", "asked.append(outside.dirty + 1)"),
            Edit(FEED, "            dirty=current.dirty + 1,", "            dirty=outside.dirty + 1,"),
        ),
    ),
    Canary(
        "every-notice-runs",
        "A notice that a coming run covers writes nothing and enqueues nothing.",
        "call budget: one run for each notice",
        (
            Edit(
                FEED,
                "covered = current.dirty > current.started and not (full and not current.full_wanted)",
                "covered = False",
            ),
        ),
    ),
    Canary(
        "full-pass-not-asked-for",
        "A comparing run that is asked for is remembered, even if a run is on its way already.",
        "convergence: what only a full pass finds stays",
        (Edit(FEED, "            full_wanted=current.full_wanted or full,\n", ""),),
    ),
    Canary(
        "wake-not-set",
        "A feed that is owed a run has an hour at which the tick looks after it.",
        "freshness or convergence: a crash between commit and task forgets the run until the poll",
        (
            Edit(
                FEED,
                "            wake_at=now + delay + ground.policy.forgotten,\n",
                "",
            ),
            Edit(
                SYNC,
                "            lease_turn=turn,\n"
                "            wake_at=now + ground.policy.lease + ground.policy.forgotten,\n",
                "            lease_turn=turn,\n",
            ),
            Edit(
                SYNC,
                "            lease_until=now + policy.lease,\n"
                "            wake_at=now + policy.lease + policy.forgotten,\n",
                "            lease_until=now + policy.lease,\n",
            ),
        ),
    ),
    Canary(
        "forgotten-runs-not-woken",
        "The tick enqueues the runs that nobody has finished in time.",
        "freshness: a run whose task was lost waits for the poll",
        (Edit(CLOCK, '        "runs": _wake_forgotten_runs,\n', ""),),
    ),
    Canary(
        "wake-under-old-name",
        "A run that is woken has a task name of its own.",
        "freshness: the name is taken, and the run waits for the poll",
        (Edit(CLOCK, ', at=now, turn=f"woken {int(now)}")', ", at=now)"),),
    ),
    Canary(
        "no-polls",
        "A feed without notices is listed every quarter of an hour all the same.",
        "freshness with a lost notice: nothing is seen until the sweep",
        (Edit(CLOCK, '        "polls": _poll_due,\n', ""),),
    ),
    Canary(
        "poll-noted-before-it-is-asked-for",
        "A poll is asked for before its next turn is noted.",
        "freshness: a crash between the two costs a quarter of an hour",
        (
            Edit(
                CLOCK,
                "    feeds.raise_dirty(ground, feed)\n"
                "    current = feeds.change(ground, feed, partial(_polled, ground.now() + ground.policy.poll))\n",
                "    current = feeds.change(ground, feed, partial(_polled, ground.now() + ground.policy.poll))\n"
                "    feeds.raise_dirty(ground, feed)\n",
            ),
        ),
    ),
    Canary(
        "feed-lease-off",
        "Two runs of one feed do not go at once.",
        "call budget, if any: reliability.md found it to save calls only",
        (
            Edit(
                SYNC,
                "        if current.lease_until > now and not died:",
                "        if number < 0:",
            ),
        ),
    ),
    Canary(
        "redelivery-waits",
        "A task that is delivered again takes the lease over from its dead predecessor at once.",
        "freshness: a crash costs a whole lease",
        (
            Edit(
                SYNC,
                "        if current.lease_until > now and not died:",
                "        if current.lease_until > now:",
            ),
        ),
    ),
    Canary(
        "late-death-waits",
        "A run that dies after it had covered its task's number is taken over, too, when the task is delivered again.",
        "freshness: such a crash costs a whole lease",
        (Edit(SYNC, "(current.done >= number and not died)", "current.done >= number"),),
        spared="Few worlds have a run die in its second turn, and nobody else come.",
        test="tests/flow/test_workers.py::test_a_run_that_dies_after_it_covered_its_number_is_taken_over_at_once",
    ),
    Canary(
        "nobody-behind-a-dead-holder",
        "A task that finds the feed busy leaves another one for the end of the lease.",
        "none, if the tick's wake does the same half a minute later",
        (
            Edit(
                SYNC,
                '        feeds.enqueue(ground, feed, number, at=until, turn=f"behind {until}")\n',
                "        log.info('busy', until=until)\n",
            ),
        ),
        spared="the queue brings a dead holder's own task back, and the tick wakes the run soon after its lease",
        test="tests/flow/figures/test_feeds.py::test_a_run_behind_another_comes_when_that_one_s_lease_is_over",
    ),
    Canary(
        "feed-fence-off",
        "A run whose lease was taken over writes nothing to the feed any more.",
        "convergence or invariant: a zombie's token goes back behind, or ahead of, its successor's",
        (
            Edit(SYNC, "    if current.fence != run.feed.fence:\n", "    if run.feed.fence < 0 < current.fence:\n"),
            Edit(
                "functions.listing",
                "            if current.fence != feed.fence:\n",
                "            if feed.fence < 0 < current.fence:\n",
            ),
        ),
    ),
    Canary(
        "finish-forgets-new-notices",
        "A run that ends looks whether notices came meanwhile, in the commit that ends it.",
        "freshness: what changed during a run waits for the poll",
        (Edit(SYNC, "again = current.dirty > current.started", "again = run.feed.dirty > run.feed.started"),),
    ),
    Canary(
        "done-up-to-dirty",
        "A run counts as done only what it had started with.",
        "freshness, after a crash: notices that came during the run are taken as covered",
        (
            Edit(SYNC, "            done=current.started,\n", "            done=current.dirty,\n"),
            Edit(SYNC, "again = current.dirty > current.started", "again = current.dirty > current.started + 1"),
        ),
    ),
    Canary(
        "rest-forgotten",
        "A run that has begun anew often enough leaves the rest to a successor of its own.",
        "freshness: the rest waits for the tick's wake",
        (
            Edit(SYNC, "TURNS = 5\n", "TURNS = 1\n"),
            Edit(
                SYNC,
                '        feeds.enqueue(ground, feed, rest.dirty, at=ground.now(), turn=f"after {rest.fence}")\n',
                "        log.info('rest', number=rest.dirty)\n",
            ),
        ),
    ),
    Canary(
        "dead-run-leaves-its-marks",
        "A run that follows a dead one works off the marks that it left.",
        "freshness: the marks wait for their lease and the relay",
        (Edit(SYNC, "began=now, resumed=resumed[0])", "began=now, resumed=False)"),),
    ),
    Canary(
        "broken-pass-drops-its-marks",
        "A pass that breaks off still has worked off what it has marked.",
        "freshness: the marks wait for their lease and the relay",
        (
            Edit(
                SYNC,
                "        # The pass broke off; what it has marked is worked off all the same.\n"
                "        _settle(run, marked)\n",
                "",
            ),
        ),
        spared="several events have to change at once, and the calendar to fail between their pages",
        test="tests/flow/test_quota.py::test_a_quota_spent_in_the_middle_of_the_pages_loses_nothing",
    ),
    Canary(
        "failing-run-forgets-a-dead-one",
        "A run that is tried again takes up what the one before it has left, or a dead one before that.",
        "I13: marks wait for their lease and the relay",
        (
            Edit(
                SYNC,
                "current.started > current.done or current.attempts > 0)\n",
                "current.started > current.done)\n",
            ),
        ),
    ),
    Canary(
        "calendar-trouble-to-the-queue",
        "Calendar's 429 makes a delayed successor and is not passed on to the queue.",
        "call budget or an invariant on answers: the queue repeats at its own pace and slows all tenants",
        (
            Edit(
                SYNC,
                "    except (Later, OutcomeUnknown) as error:\n        _postpone(run, error)\n",
                "    except (Later, OutcomeUnknown):\n        raise\n",
            ),
        ),
    ),
    Canary(
        "postponed-run-without-task",
        "A run that is postponed leaves a task for the hour at which it shall go on.",
        "freshness: it waits for the tick's wake, a lease later",
        (
            Edit(
                SYNC,
                '    feeds.enqueue(run.ground, run.feed_id, fresh.dirty, at=at, turn=f"try {fresh.fence}")\n',
                "    log.info('postponed', number=fresh.dirty)\n",
            ),
        ),
    ),
    Canary(
        "ended-run-postponed",
        "A run whose end was written, though no answer came, is not begun again.",
        "I14: a run begins that is not owed",
        (Edit(SYNC, "        if not current.owed:\n", "        if current.dirty < 0:\n"),),
    ),
    Canary(
        "run-begun-below-its-end",
        "A run that is postponed after its end was written, though no answer came, writes nothing.",
        "I6: the number it began with is less than the one it ended with",
        (
            Edit(
                SYNC,
                "        if not current.owed:\n"
                "            # The end of the run was written after all, though no answer came.\n"
                "            return None\n",
                "",
            ),
            Edit(SYNC, "            started=current.done,\n", "            started=run.feed.done,\n"),
        ),
    ),
    Canary(
        "one-404-stops-the-feed",
        "A calendar that is not found is asked for again a few times before it is taken for lost.",
        "freshness: it stands still until its owner connects it again",
        (Edit(SYNC, "PATIENCE = 3\n", "PATIENCE = 0\n"),),
    ),
    Canary(
        "poll-put-off-without-channel",
        "A feed without a channel is polled no later than it was to be, however often it runs: the poll opens one.",
        "freshness: it goes on without notices",
        (
            Edit(
                SYNC,
                "    return following if current.channel or current.poll_at is None "
                "else min(following, current.poll_at)\n",
                "    return following\n",
            ),
        ),
    ),
    Canary(
        "newer-channel-forgotten",
        "A channel that was noted after all, though no answer came, is not taken off its feed.",
        "an invariant on channels: one that the feed does not name",
        (
            Edit(
                CHANNEL,
                "replace(feed, channel=None, **more) if feed.channel == channel else None\n",
                "replace(feed, channel=None)\n",
            ),
        ),
    ),
    Canary(
        "no-rest-after-second-drop",
        "A calendar whose tokens never last does not cost a full pass for each notice.",
        "call budget: full passes",
        (Edit(SYNC, "    if wait > 0:\n", "    if wait > run.ground.policy.poll:\n"),),
    ),
    Canary(
        "no-burst-window",
        "A run waits a moment after the first notice, so that one edit's notices cost one run.",
        "call budget: several lists for each edit",
        (
            Edit(
                NOTIFICATION,
                "        feeds.raise_dirty(ground, channel.feed, delay=ground.policy.burst)\n",
                "        feeds.raise_dirty(ground, channel.feed)\n",
            ),
        ),
        spared="the simulated Google sends one notice for an edit",
        test="tests/flow/figures/test_feeds.py::test_a_notice_asks_for_one_run_a_moment_later",
    ),
    Canary(
        "forged-notice-admitted",
        "A notice counts only with its channel's secret.",
        "S1: a forged notice is answered as taken",
        (Edit(NOTIFICATION, "if channel is None or not known or not", "if channel is None or not"),),
    ),
    Canary(
        "early-notice-refused",
        "A notice that comes before the watch was answered is taken.",
        "freshness: what changed while a channel was being opened waits for the poll",
        (
            Edit(
                NOTIFICATION,
                "    return channel.resource_id is None or hmac",
                "    return channel.resource_id is not None and hmac",
            ),
        ),
        spared="what changes before the watch is answered is listed by the pass that follows",
        test="tests/flow/test_bounds.py::test_a_notice_may_come_before_the_watch_is_answered",
    ),
    Canary(
        "push-of-known-version-looks",
        "A provider's push of a version that we know costs no look.",
        "call budget: each of our own updates costs a read",
        (Edit(WEBHOOK, "        if version and known == version:\n", '        if version == "known" == known:\n'),),
    ),
    Canary(
        "deletion-taken-as-known",
        "A push that tells of a deletion is looked at, whatever version it names.",
        "freshness: a meeting deleted at the vendor stays missing until the sweep",
        (Edit(WEBHOOK, '"" if note.kind == "deleted" else note.version or ""', 'note.version or ""'),),
    ),
    Canary(
        "push-looked-at-at-once",
        "The look at a pushed change waits a moment, until our own write has been noted.",
        "call budget: the echo of our own update overtakes its commit",
        (
            Edit(
                WEBHOOK,
                "datetime.fromtimestamp(ground.now() + ground.policy.burst, UTC)",
                "datetime.fromtimestamp(ground.now(), UTC)",
            ),
        ),
        spared="saves calls where a vendor pushes before it answers",
        test="tests/flow/figures/test_rows.py::test_a_push_of_a_provider_is_looked_at_a_moment_later",
    ),
    Canary(
        "token-before-channel",
        "A calendar's channel is opened before its first token is taken, so that nothing falls between.",
        "freshness: a change between the two waits for the poll",
        (
            Edit(
                INITIALISE,
                "    ensure_channel(ground, feed)\n    _ensure_token(ground, feed)\n",
                "    _ensure_token(ground, feed)\n    ensure_channel(ground, feed)\n",
            ),
        ),
    ),
)
