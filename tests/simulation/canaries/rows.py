"""Canaries of the ledger: marks, claims, saves, retries, and what an unknown outcome means."""

from __future__ import annotations

from tests.simulation.canaries.variant import Canary, Edit

WORK, LEDGER, MARKING, RECONCILE = "functions.work", "functions.ledger", "functions.marking", "functions.reconcile"
CLOCK, FEED, LISTING = "functions.clock", "functions.feed", "functions.listing"
EFFECTS = "functions.effects"
SYNC = "functions.sync"

CANARIES = (
    Canary(
        "static-row-names",
        "A row's task is named by mark, attempt and claim, so that no name recurs.",
        "freshness: every task of a row but the first is refused by the queue",
        (
            Edit(
                LEDGER,
                '{row.event}\\0{row.mark}\\0{row.attempts}\\0{row.fence}"',
                '{row.event}"',
            ),
        ),
    ),
    Canary(
        "mark-number-reset",
        "A row's mark never returns to an earlier number, which would be a name taken.",
        "freshness: the second mark's task has the first one's name",
        (
            Edit(
                WORK,
                "resend=False, due=None, claimed_until=0.0, expire_at=dead_at\n",
                "resend=False, due=None, claimed_until=0.0, expire_at=dead_at, mark=0, done=0\n",
            ),
            Edit(LEDGER, "\\0{row.attempts}\\0{row.fence}", "\\0{row.attempts}"),
        ),
    ),
    Canary(
        "row-names-without-fence",
        "A task that was put off for a busy row has another name than the one that found it busy.",
        "freshness: the task put off is refused, and the relay hides it",
        (Edit(LEDGER, "\\0{row.attempts}\\0{row.fence}", "\\0{row.attempts}"),),
    ),
    Canary(
        "event-lease-off",
        "Two workers do not work on one row at once.",
        "transient maximum: both create",
        (
            Edit(
                WORK,
                "if not row.pending or (row.claimed_until > now and not seize):",
                "if not row.pending or (now < 0 and not seize):",
            ),
            Edit(MARKING, "    if row.claimed_until > now:\n", "    if now < 0:\n"),
        ),
    ),
    Canary(
        "mark-steals-the-claim",
        "A run that marks a row which somebody works on leaves it to them.",
        "call budget or freshness: each echo overtakes the worker that caused it",
        (Edit(MARKING, "    if row.claimed_until > now:\n", "    if now < 0:\n"),),
    ),
    Canary(
        "inherit-any-claim",
        "A task works under a claim only if it was made for it.",
        "transient maximum: two workers under one claim",
        (
            Edit(
                RECONCILE,
                "inherited = row.fence == fence and row.by_run and row.claimed_until > ground.now()",
                "inherited = fence is not None and row.claimed_until > ground.now()",
            ),
        ),
    ),
    Canary(
        "handed-claim-worked-on-twice",
        "The claim that was made for a task is taken by a commit, so that of two deliveries one works.",
        "transient maximum: two workers under one claim",
        (Edit(RECONCILE, "            return job.take_over()\n", "            return job.row.pending\n"),),
    ),
    Canary(
        "living-task-seized",
        "A run that follows a dead one takes only what that one had claimed, not what a task works on.",
        "I6: a task is robbed of its row",
        (
            Edit(SYNC, " and (row.by_run or row.claimed_until <= now)", ""),
            Edit(
                RECONCILE,
                "row.fence == fence and row.by_run and row.claimed_until > ground.now()",
                "row.fence == fence and row.claimed_until > ground.now()",
            ),
        ),
    ),
    Canary(
        "row-fence-off",
        "A worker that was overtaken saves nothing any more.",
        "convergence: a zombie writes its link over its successor's",
        (
            Edit(
                WORK,
                "fresh is None or fresh.fence != self.row.fence or fresh.link not in links:",
                "fresh is None:",
            ),
        ),
    ),
    Canary(
        "done-mark-claimed-again",
        "A row whose mark was done meanwhile is not claimed once more.",
        "none, if it ends in nothing to do",
        (
            Edit(
                WORK,
                "            if not row.pending or (row.claimed_until > now and not seize):\n",
                "            if row.claimed_until > now and not seize:\n",
            ),
        ),
    ),
    Canary(
        "links-not-compared",
        "A save fails if anybody else has written the link, whatever the claim.",
        "none beyond the fence, but for a promoted follower",
        (
            Edit(
                WORK,
                "fresh.fence != self.row.fence or fresh.link not in links:",
                "fresh.fence != self.row.fence:",
            ),
        ),
        spared="a follower has to be promoted in the very moment in which it is worked on",
        test="tests/flow/test_claims.py::test_a_link_that_another_hand_changed_meanwhile_is_not_overwritten",
    ),
    Canary(
        "look-asked-for-meanwhile-lost",
        "A look at the meeting that was asked for during the work is still owed after it.",
        "freshness: a change at the vendor waits for the sweep",
        (
            Edit(
                WORK,
                "getattr(fresh, name) or getattr(self.row, name)",
                "getattr(self.row, name)",
            ),
        ),
    ),
    Canary(
        "newer-mark-forgotten",
        "A row is done only up to the mark that was worked on.",
        "freshness and convergence: a change during the work is lost",
        (
            Edit(
                WORK,
                "                row,\n                done=mark,\n",
                "                row,\n                done=row.mark,\n",
            ),
            Edit(WORK, "            if row.mark > mark:\n                return done\n", ""),
        ),
    ),
    Canary(
        "mark-done-before-the-effect",
        "A mark is done only once its effect has been verified.",
        "convergence and I5: a crash during the effect loses it",
        (
            Edit(
                RECONCILE,
                "        for action in actions:\n",
                "        if actions:\n"
                "            job.keep(done=job.row.mark, due=None)\n"
                "        for action in actions:\n",
            ),
        ),
    ),
    Canary(
        "mark-done-before-the-patch",
        "A mark is done only once the event has been written.",
        "convergence: a patch that fails is not tried again",
        (
            Edit(
                "functions.patch",
                "    name = action.meeting.ref.provider\n",
                "    name = action.meeting.ref.provider\n    job.keep(done=job.row.mark, due=None)\n",
            ),
        ),
    ),
    Canary(
        "forgotten-marks-not-relayed",
        "The tick enqueues marks that nobody has worked off in time.",
        "convergence: a mark whose task was lost stays for ever",
        (Edit(CLOCK, '        "marks": _relay_forgotten_marks,\n', ""),),
    ),
    Canary(
        "relay-under-old-name",
        "A mark that is relayed has a new task name.",
        "convergence or freshness: the name is taken, and the relay is in vain",
        (Edit(CLOCK, "attempts=row.attempts + 1, due=", "attempts=row.attempts, due="),),
    ),
    Canary(
        "abandoned-claim-not-verified",
        "After a claim that was never given back, the meeting is read before it is trusted.",
        "freshness: what a dead worker sent is not known",
        (
            Edit(WORK, "                verify=row.verify or row.abandoned,\n", ""),
            Edit(MARKING, "        verify=row.verify or row.abandoned,\n", ""),
        ),
        spared="only an event that changes back to what it was, before anybody has looked, shows it",
        test="tests/flow/test_claims.py::test_a_claim_after_a_dead_holders_has_the_meeting_looked_at",
    ),
    Canary(
        "overtaken-says-nothing",
        "A worker that was overtaken after it had sent something has the meeting looked at.",
        "freshness: a zombie's late update stands until the sweep",
        (Edit(RECONCILE, "    if job.touched:\n", "    if job.touched and job.row.mark < 0:\n"),),
    ),
    Canary(
        "own-write-hidden",
        "What a patch has made of the event is kept, though somebody wrote its row meanwhile.",
        "I5: the row is done, and its event tells nothing of the meeting",
        (Edit(WORK, "self.row.seen if fresh.seen == self.stored.seen else fresh.seen", "fresh.seen"),),
        spared="Few worlds have a tick wake a row in the midst of its patch.",
        test="tests/flow/test_contention.py::test_who_writes_during_a_patch_does_not_hide_what_it_made_of_the_event",
    ),
    Canary(
        "overtaken-not-sent-again",
        "What an overtaken worker sent is sent over again where the vendor does not show what it holds.",
        "freshness: a zombie's late update stands for good",
        (Edit(RECONCILE, "verify=True, resend=True)\n    return", "verify=True)\n    return"),),
        spared="Few worlds have such a vendor, and a worker overtaken in the midst of an update.",
        test="tests/flow/test_late_writers.py::test_an_update_that_comes_too_late_is_overwritten_unseen",
    ),
    Canary(
        "belated-update-stands",
        "Where a vendor heeds no versions, an update that was not answered is overwritten once it can come no more.",
        "I8: it is done after the one that follows it, and stands for good",
        (Edit(EFFECTS, "if not provider.capabilities.conditional_writes:", "if provider is None:"),),
        spared="Few worlds change an event once more before an update of it is done late.",
        test="tests/flow/test_late_writers.py::test_an_update_that_is_done_after_the_next_one",
    ),
    Canary(
        "unknown-not-verified",
        "After a call whose outcome is unknown, the meeting is read before anything is sent.",
        "freshness or transient maximum: an update that was applied later is not seen",
        (
            Edit(
                RECONCILE,
                "        job.row = msgspec.structs.replace(job.row, verify=True, resend=True)\n"
                "        job.postpone(error, None)\n",
                "        job.postpone(error, None)\n",
            ),
        ),
        spared="only an event that changes back to what it was, before anybody has looked, shows it",
        test="tests/flow/test_lost_answers.py"
        "::test_an_update_without_an_answer_is_looked_at_even_if_the_event_changes_back",
    ),
    Canary(
        "look-left-out",
        "A row whose meeting may differ from its link has the provider asked.",
        "freshness: what people change at the vendor is not mended",
        (
            Edit(
                RECONCILE,
                "    if isinstance(event, Wanted):\n        effects.ask(job, event.spec)\n",
                "",
            ),
        ),
    ),
    Canary(
        "vendor-trouble-to-the-queue",
        "A provider's 429 makes a delayed successor and is not passed on to the queue.",
        "call budget or an invariant on answers: the queue repeats at its own pace and slows all tenants",
        (
            Edit(
                RECONCILE,
                "    except Later as error:\n        job.postpone(error, error.after)\n",
                "    except Later:\n        raise\n",
            ),
        ),
    ),
    Canary(
        "poison-row-not-parked",
        "A row that cannot be followed is parked with its cause and disturbs nobody.",
        "I12 and budget: it comes again for ever",
        (
            Edit(
                RECONCILE,
                "    except (Refused, Poison, Gone) as error:\n        return _give_up(job, error)\n",
                "    except (Refused, Gone) as error:\n        return _give_up(job, error)\n",
            ),
        ),
    ),
    Canary(
        "attempts-reset-by-successor",
        "Attempts and the hour of the first failure are kept from one try to the next.",
        "call budget: retries neither grow apart nor end",
        (
            Edit(
                WORK, "now, attempts = self.ground.now(), self.row.attempts + 1", "now, attempts = self.ground.now(), 1"
            ),
            Edit(WORK, "        since = self.row.failing_since or now\n", "        since = now\n"),
        ),
    ),
    Canary(
        "done-row-postponed",
        "A row whose end was written, though no answer came, is not put off for later.",
        "convergence: it is due for ever, and nothing is pending",
        (
            Edit(
                WORK,
                "            if not row.pending:\n"
                "                # The end was written after all, though no answer came.\n"
                "                return msgspec.structs.replace(row, claimed_until=0.0)\n",
                "",
            ),
        ),
    ),
    Canary(
        "absurd-wait-believed",
        "A wait that the other side chose is believed for a day at most.",
        "convergence: an absurd Retry-After parks the work for ever",
        (
            Edit(
                WORK,
                "return min(max(asked, now if attempts <= BELIEVED else own), now + 24 * HOUR)",
                "return max(asked, now)",
            ),
        ),
    ),
    Canary(
        "parked-over-a-newer-mark",
        "A row is parked only if nothing has changed meanwhile.",
        "convergence: a change that would have mended it is lost",
        (
            Edit(
                WORK,
                "                return msgspec.structs.replace(row, done=mark, claimed_until=0.0)\n",
                "                return msgspec.structs.replace(row, done=row.mark, parked=reason, due=None)\n",
            ),
        ),
        spared="an event that cannot be read has to be mended in the tenth of a second in which it is given up",
        test="tests/flow/test_contention.py::test_an_event_that_changes_while_it_is_given_up_is_tried_again",
    ),
    Canary(
        "unknown-row-commit-as-done",
        "A row's commit whose outcome is unknown is read again before it is built upon.",
        "convergence or transient maximum: an intent or a link that was never stored",
        (
            Edit(
                WORK,
                "            except Conflict:\n                self._merge()\n                continue\n",
                "            except Conflict:\n                self._merge()\n                continue\n"
                "            except OutcomeUnknown:\n"
                "                self.row = self.stored = wanted\n"
                "                return\n",
            ),
        ),
    ),
    Canary(
        "unknown-row-commit-as-failed",
        "A row's commit whose outcome is unknown is not simply done again over what stands there.",
        "convergence: what others wrote meanwhile is lost",
        (
            Edit(
                WORK,
                "            except Conflict:\n                self._merge()\n                continue\n",
                "            except Conflict:\n                self._merge()\n                continue\n"
                "            except OutcomeUnknown:\n"
                "                again = self.ground.store.get(self.document_key)\n"
                "                self.version = again.version if again else self.version\n"
                "                continue\n",
            ),
        ),
    ),
    Canary(
        "unknown-feed-commit-as-done",
        "A feed's commit whose outcome is unknown is reported, so that somebody asks again.",
        "freshness: a notice whose mark was never stored is answered as taken",
        (
            Edit(
                FEED,
                "import Conflict, Gone, Later, Missing\n",
                "import Conflict, Gone, Later, Missing, OutcomeUnknown\n",
            ),
            Edit(
                FEED,
                "        ground.store.commit(put(document, document.key, wanted), *also)\n        return wanted\n",
                "        with suppress(OutcomeUnknown):\n"
                "            ground.store.commit(put(document, document.key, wanted), *also)\n"
                "        return wanted\n",
            ),
            Edit(FEED, "import hashlib\n", "import hashlib\nfrom contextlib import suppress\n"),
        ),
    ),
    Canary(
        "unknown-feed-commit-as-failed",
        "A feed's commit whose outcome is unknown is not simply tried again.",
        "none, if a change applied twice does no harm",
        (
            Edit(
                FEED,
                "import Conflict, Gone, Later, Missing\n",
                "import Conflict, Gone, Later, Missing, OutcomeUnknown\n",
            ),
            Edit(
                FEED,
                "        except Conflict:\n            continue\n",
                "        except (Conflict, OutcomeUnknown):\n            continue\n",
            ),
        ),
        spared="a change of a feed that is applied twice does no harm; only the answer is too early",
        test="tests/flow/test_lost_answers.py::test_a_notice_of_which_it_is_not_known_whether_it_was_noted_is_repeated",
    ),
    Canary(
        "unknown-marks-commit-as-done",
        "Marks and token whose commit's outcome is unknown are not taken as stored.",
        "freshness: marks that were never stored; the token tells",
        (
            Edit(
                LISTING,
                "from conference.errors import Conflict, Gone, Later, Poison, Refused, Stale\n",
                "from conference.errors import Conflict, Gone, Later, OutcomeUnknown, Poison, Refused, Stale\n",
            ),
            Edit(
                LISTING,
                "        except Conflict:\n            continue\n",
                "        except Conflict:\n            continue\n"
                "        except OutcomeUnknown:\n            return judged\n",
            ),
        ),
    ),
)
