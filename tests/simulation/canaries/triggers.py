"""Canaries of scripts' triggers: noting what changed, handing it over, what is accepted, and when a clock strikes."""

from __future__ import annotations

from tests.simulation.canaries.variant import Canary, Edit

LISTING, NOTING, HANDING = "functions.listing", "functions.script.noting", "functions.script.handing"
SETTLING, SERVICE = "functions.script.settling", "functions.script.calendar_service"
CLOCKWORK, CLOCK, FIRING = "functions.script.clockwork", "functions.clock", "functions.script.firing"

CANARIES = (
    Canary(
        "token-before-deliveries",
        "What triggers are to hear of is noted before the token that covers it moves.",
        "told: a crash between the two, and nobody hears of the change",
        (
            Edit(
                LISTING,
                "        _note_for_triggers(a_pass, a_pass.noting, page, last=full_at is not None)\n    for item",
                "        pass\n    for item",
            ),
            Edit(
                LISTING,
                "{} if token is None else _moved(token, page.zone, full_at))\n",
                "{} if token is None else _moved(token, page.zone, full_at))\n"
                "    if a_pass.noting is not None:\n"
                "        _note_for_triggers(a_pass, a_pass.noting, page, last=full_at is not None)\n",
            ),
        ),
    ),
    Canary(
        "delivery-deleted-before-the-handler",
        "A delivery is deleted once its handler has accepted it, and not before.",
        "told: a handler raises, or its process dies, and is never told again",
        (
            Edit(
                HANDING,
                "    ran = _run(held, theirs)\n",
                "    settling.accept(held.ground, theirs)\n    ran = _run(held, theirs)\n",
            ),
        ),
    ),
    Canary(
        "newer-change-lost-on-acceptance",
        "A change that came while its event was being handled stays pending.",
        "told: the handler accepts what was, and never hears of what is",
        (
            Edit(
                SETTLING,
                "        if fresh.queue == one.delivery.queue:\n            return None\n",
                "        if fresh is not None:\n            return None\n",
            ),
        ),
    ),
    Canary(
        "failing-change-holds-back-the-rest",
        "Where a handler fails with several changes, each is tried alone.",
        "told: one event with which the handler never copes, and the others wait for ever",
        (
            Edit(
                HANDING,
                "    if ran.accepted or len(theirs) == 1:\n",
                "    if not ran.accepted and len(theirs) > 1:\n        held.ended = True\n        return\n"
                "    if ran.accepted or len(theirs) == 1:\n",
            ),
        ),
    ),
    Canary(
        "failed-change-accepted",
        "A change at which the handler raised is tried again.",
        "told: the handler has refused it, and is not asked again",
        (Edit(SETTLING, "if not ran.accepted or one.delivery.event in aside]", "if one.delivery.event in aside]"),),
    ),
    Canary(
        "set-aside-accepted",
        "What a handler has set aside is tried again.",
        "told: the event was changed meanwhile, and never handed over again",
        (Edit(SETTLING, "if not ran.accepted or one.delivery.event in aside]", "if not ran.accepted]"),),
    ),
    Canary(
        "own-write-delivered",
        "What a script has written itself is told only to who asks for it.",
        "told: the handler that patched an event is told of its own patch",
        (
            Edit(
                SERVICE,
                "        return partial(self._note, context.project(), context.user(), calendar_id)\n",
                "        return lambda *_: None\n",
            ),
        ),
    ),
    Canary(
        "own-write-hides-others",
        "Only what the script wrote itself is left out: other fields of the same version are told.",
        "told: a person renames, the script writes the place, and nobody hears of the new name",
        (
            Edit(
                "functions.script.snapshot",
                "        return mine and (self.fields == EVERYTHING or fields <= DERIVED.union(self.fields))\n",
                "        return mine\n",
            ),
        ),
        spared="A person has to write between a script's reading and its answer, and never again.",
        test="tests/flow/script/test_bounds.py::test_a_change_under_our_write_is_news",
    ),
    Canary(
        "two-runs-of-a-trigger",
        "One run of a trigger goes on at a time.",
        "told: a second run begins while the first goes on",
        (
            Edit(
                HANDING,
                "        if record.lease_until > now and record.lease_turn != turn:\n",
                "        if now < 0 and record.lease_turn != turn:\n",
            ),
        ),
    ),
    Canary(
        "busy-turn-not-asked-for",
        "Who finds a run under way has it look again at its end.",
        "told: what was noted during the run waits, and in the end for nobody",
        (
            Edit(
                HANDING,
                "            return msgspec.structs.replace(record, asked=record.asked + 1)\n",
                "            return None\n",
            ),
            Edit(HANDING, "    for until in busy:\n", "    for until in busy[:0]:\n"),
            Edit(CLOCK, '        "deliveries": relaying.relay_forgotten,\n', ""),
        ),
    ),
    Canary(
        "forgotten-deliveries-not-relayed",
        "The tick wakes deliveries that nobody has handed over.",
        "told: a run dies before it hands over what it has noted",
        (Edit(CLOCK, '        "deliveries": relaying.relay_forgotten,\n', ""),),
    ),
    Canary(
        "broken-pass-hands-nothing-over",
        "What a pass has noted before it broke off is handed over at once.",
        "none that is sure: the tick hands it over two minutes later",
        (
            Edit(
                "functions.sync",
                "        # What it has noted is handed over all the same.\n        _passed(run, a_pass)\n",
                "",
            ),
        ),
        spared="it saves two minutes; the tick makes it good",
    ),
    Canary(
        "baseline-swallows-changes",
        "What was changed after the trigger was made, and before its baseline was taken, is told.",
        "told: people act while the trigger is being made",
        (
            Edit(
                NOTING,
                "        return not self.baseline or updated is None or updated >= since\n",
                "        return not self.baseline\n",
            ),
        ),
    ),
    Canary(
        "absent-not-looked-up-for-triggers",
        "After a lost token, what a full pass does not show is looked up for triggers, too.",
        "told: an event is deleted while the token is lost",
        (Edit(LISTING, "        noting.look_up(dropped=a_pass.feed.token is None)\n", "        pass\n"),),
        spared="the Calendar server's full list shows tombstones; what a list hides is shown by tests/flow",
    ),
    Canary(
        "deliveries-without-order",
        "Changes are handed over in the order in which they were noted.",
        "told: what happened later is told before what happened earlier",
        (
            Edit(
                SETTLING,
                '        [Where("trigger", "==", trigger), Where("queue", ">", 0)],\n        order_by="queue",\n',
                '        [Where("trigger", "==", trigger), Where("queue", ">", 0)],\n',
            ),
        ),
    ),
    Canary(
        "overtaken-run-notes",
        "A run that was overtaken notes nothing for triggers.",
        "told: an older state is noted over a newer one",
        (Edit(NOTING, "        if current.fence != self.feed.fence:\n", "        if current.fence < 0:\n"),),
    ),
    Canary(
        "strike-not-covered",
        "A slot that was run for is not run for again.",
        "strikes: the next run counts it in once more",
        (
            Edit(
                CLOCKWORK,
                "    return Step(msgspec.structs.replace(covering, claims=(*running, claim)), claim)\n",
                "    return Step(msgspec.structs.replace(memory, claims=(*running, claim)), claim)\n",
            ),
        ),
    ),
    Canary(
        "unnoted-strike-is-the-last",
        "A slot that was run for needs no task any more, though nobody noted that it had one.",
        "strikes: nothing runs for the slots after it",
        (Edit(CLOCKWORK, "    if following is not None and following <= slot:\n", "    if following is None:\n"),),
        spared="Few worlds lose the note and have no tick before the slot.",
        test="tests/unit/script/test_clock_trouble.py::test_a_fire_whose_maker_could_not_note_it_is_not_the_last",
    ),
    Canary(
        "strikes-missed-not-told",
        "After an outage a trigger is told for how many slots it runs.",
        "strikes: nothing ran for what passed meanwhile",
        (
            Edit(
                CLOCKWORK,
                "    claim = msgspec.structs.replace(mine, slot=passed, missed=late.missed + died)\n",
                "    claim = msgspec.structs.replace(mine, slot=passed, missed=died)\n",
            ),
        ),
        spared="Few worlds stand still for so long that a slot passes.",
        test="tests/unit/script/test_firing.py::test_a_queue_that_stood_still",
    ),
    Canary(
        "dead-strike-not-taken-up",
        "A clock's run that died is taken up by whoever comes next.",
        "strikes: a trigger that strikes once never has",
        (
            Edit(
                CLOCKWORK,
                "    died = sum(1 + claim.missed for claim in memory.claims if claim.until <= now)\n",
                "    died = 0\n",
            ),
            Edit(CLOCKWORK, "    if dead is None:\n", "    if dead is None or dead.ticket:\n"),
        ),
        spared="Few worlds have a clock's run die and end before it would be tried anew.",
        test="tests/unit/script/test_clock_trouble.py::test_no_death_loses_a_fire",
    ),
    Canary(
        "strike-noted-before-its-task",
        "A slot counts as handed over once its task is made, and not before.",
        "strikes: the tick dies between the two, and a trigger that strikes once never does",
        (
            Edit(
                "functions.script.dispatch",
                "    slots, after = clockwork.hand_over(clock, memory, now, horizon)\n",
                "    slots, after = clockwork.hand_over(clock, memory, now, horizon)\n"
                "    if slots:\n"
                "        _note_one(ground, triggers.put(timed(record, after), document.version))\n",
            ),
        ),
        spared="Ticks hardly ever die between the two; a single fire is made good some minutes later.",
        test="tests/unit/script/test_clock_trouble.py::test_no_death_loses_a_fire",
    ),
    Canary(
        "strike-once-stays",
        "A trigger that strikes once is gone when it has.",
        "strikes: it is there still",
        (
            Edit(
                FIRING,
                "        making.unmake(project, turn.record)\n        return\n",
                "        return\n",
            ),
        ),
    ),
    Canary(
        "single-strike-lost-with-its-task",
        "Of a trigger that strikes once, the task is made again if nobody comes with it.",
        "strikes: the queue gives the task up, and it has never fired",
        (
            Edit(
                CLOCKWORK, "next_slot=memory.next_slot if following is None else following)\n", "next_slot=following)\n"
            ),
        ),
        spared="The queue gives up eight tasks in a thousand, and few of them are a single strike's.",
        test="tests/unit/script/test_clock_trouble.py::test_a_single_fire_whose_task_the_queue_loses",
    ),
)
