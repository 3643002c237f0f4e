"""The judge of histories itself: it finds an order where there is one, and only there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, permutations

from hypothesis import given
from hypothesis import strategies as st

from tests.contract.linearizable import UNKNOWN, Call, unexplained
from tests.contract.sequential import CONFLICT, StoreModel


class Register:
    """One number: ("write", n) answers None, ("read",) the number."""

    start = 0

    def after(self, state: int, call: Call) -> Iterable[int]:
        """As Model says."""
        if call.asked[0] == "write":
            return [call.asked[1]]
        return [state] if call.answer in {state, UNKNOWN} else []


@st.composite
def histories(draw: st.DrawFn) -> list[Call]:
    """Up to five calls of writers and readers of a few numbers, some of them unanswered."""
    calls = []
    for number in range(draw(st.integers(1, 5))):
        invoked, unanswered = draw(st.integers(0, 9)), draw(st.integers(0, 4)) == 0
        value = draw(st.integers(0, 2))
        asked, answer = draw(st.sampled_from([(("write", value), None), (("read",), value)]))
        ends = (UNKNOWN,) if unanswered else (answer, invoked + draw(st.integers(0, 6)))
        calls.append(Call(str(number), asked, ends[0], invoked, *ends[1:]))
    return calls


def orders(calls: Sequence[Call]) -> Iterator[tuple[Call, ...]]:
    """Every order of the answered calls and some of the others in which nothing comes before what had ended."""
    answered = [call for call in calls if call.answer != UNKNOWN]
    others = [call for call in calls if call.answer == UNKNOWN]
    for count in range(len(others) + 1):
        for some in combinations(others, count):
            for order in permutations([*answered, *some]):
                if all(one.invoked <= other.returned for one, other in combinations(order, 2)):
                    yield order


def fits(order: Sequence[Call]) -> bool:
    """True if a register answers so, one call after the other."""
    states = [Register.start]
    for call in order:
        states = [following for state in states for following in Register().after(state, call)]
    return bool(states)


@given(histories())
def test_the_judge_agrees_with_trying_every_order(calls: list[Call]) -> None:
    """Wing and Gong's search says what brute force says."""
    assert (unexplained(calls, Register()) == []) == any(map(fits, orders(calls)))


def test_a_client_that_died_may_have_done_it_or_not() -> None:
    """Unknown outcomes explain what is seen afterwards, and only that."""
    put = Call("a", ("commit", ("k", "v", None)), UNKNOWN, 1)
    seen, missed = Call("b", ("get", "k"), ("v", "1"), 2, 3), Call("b", ("get", "k"), None, 4, 5)

    assert unexplained([put, seen], StoreModel()) == []
    assert unexplained([put, missed], StoreModel()) == []
    assert unexplained([put, seen, missed], StoreModel()) == [missed]


def test_two_commits_on_one_version_cannot_both_be_done() -> None:
    """A lost update has no order; with one conflict it has."""
    one = Call("a", ("commit", ("k", "v1", None)), ("1",), 1, 5)
    two, refused = (Call("b", ("commit", ("k", "v2", None)), answer, 2, 6) for answer in (("2",), CONFLICT))

    assert unexplained([one, two], StoreModel())
    assert unexplained([one, refused], StoreModel()) == []


def test_half_a_commit_has_no_order() -> None:
    """A list that shows one of two documents written together shows what never was."""
    both = Call("a", ("commit", ("k1", "v", None), ("k2", "v", None)), ("1", "1"), 1, 9)
    half = Call("b", ("query",), (("k1", "v", "1"),), 2, 3)

    assert unexplained([both, half], StoreModel())


def test_what_stands_in_the_way_is_told() -> None:
    """The calls at which the best attempt ended are few, and the wrong one is among them."""
    history = [Call("a", ("write", n), None, 3 * n, 3 * n + 1) for n in range(50)]
    wrong = Call("b", ("read",), 99, 70, 71)

    assert wrong in unexplained([*history, wrong], Register())
    assert len(unexplained([*history, wrong], Register())) < 4
