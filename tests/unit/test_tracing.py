"""A trace: read from requests, carried to whatever comes of them, never believed when it is unsound."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions import tracing
from functions.ports import Task
from functions.tracing import Trace

ID, SPAN = "1f" * 16, "2e" * 8
HERE = Trace(ID, SPAN, sampled=True)


@pytest.mark.parametrize(
    ("headers", "trace"),
    [
        ({"traceparent": f"00-{ID}-{SPAN}-01"}, HERE),
        ({"traceparent": f"00-{ID}-{SPAN}-00"}, Trace(ID, SPAN)),
        ({"traceparent": f"cc-{ID}-{SPAN}-03-what-comes-later"}, HERE),
        ({"traceparent": f"00-{ID}-{SPAN}-01", "x-cloud-trace-context": f"{'3d' * 16}/1;o=0"}, HERE),
        ({"x-cloud-trace-context": f"{ID.upper()}/77;o=1"}, Trace(ID, f"{77:016x}", sampled=True)),
        ({"x-cloud-trace-context": f"{ID}/77"}, Trace(ID, f"{77:016x}")),
        ({"x-cloud-trace-context": ID}, Trace(ID, "1f" * 8)),
        (
            {"traceparent": "00-nonsense", "x-cloud-trace-context": f"{ID}/77;o=1"},
            Trace(ID, f"{77:016x}", sampled=True),
        ),
        ({"x-cloud-trace-context": f"{ID}\nseverity: x"}, None),
        ({"x-cloud-trace-context": f"{'0' * 32}/77"}, None),
        ({"traceparent": f"ff-{ID}-{SPAN}-01"}, None),
        ({"traceparent": f"00-{'0' * 32}-{SPAN}-01"}, None),
        ({"traceparent": f"00-{ID}-{'0' * 16}-01"}, None),
        ({"traceparent": f"00-{ID.upper()}-{SPAN}-01"}, None),
        ({"traceparent": f"00-{ID}-{SPAN}-01\n"}, None),
        ({}, None),
    ],
)
def test_of_a_request(headers: dict[str, str], trace: Trace | None) -> None:
    """Both headers are understood, W3C's first; only what is sound is believed."""
    assert tracing.of_request(headers.get) == trace


@given(text=st.text(max_size=120))
def test_whatever_a_header_holds(text: str) -> None:
    """There is no trace, or one that is read back from its own header."""
    for name in ("traceparent", "x-cloud-trace-context"):
        found = tracing.of_request({name: text}.get)
        assert found is None or tracing.parsed(found.header) == found


def test_a_task_goes_on_in_the_trace_of_whoever_makes_it() -> None:
    """By itself; it is no part of what the task is."""
    before = Task("tick")
    with tracing.following(HERE):
        inside = Task("tick")

    assert (before.trace, inside.trace, tracing.present()) == (None, HERE.header, None)
    assert before == inside


@pytest.mark.parametrize(
    ("kept", "present", "onward"),
    [
        (None, None, None),
        (None, HERE, HERE.header),
        (Trace(ID, "aa" * 8).header, HERE, HERE.header),
        (Trace("4c" * 16, "aa" * 8).header, HERE, Trace("4c" * 16, "aa" * 8).header),
        (Trace("4c" * 16, "aa" * 8).header, None, Trace("4c" * 16, "aa" * 8).header),
        ("nonsense", HERE, HERE.header),
    ],
)
def test_work_that_is_taken_up_again(kept: str | None, present: Trace | None, onward: str | None) -> None:
    """It goes on in the trace of its change, from here if we are in it."""
    with tracing.following(present):
        assert tracing.onward(kept) == onward
