"""The ladder of Ctrl-C."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

from sweeper.sweep.stop import StopLadder, Urgency


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Put the handlers of the test run back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def press(number: signal.Signals) -> None:
    """Send this process a signal; it is handled before the next line."""
    os.kill(os.getpid(), number)


def test_each_ctrl_c_is_one_rung() -> None:
    """Once drains, twice stops, three times raises; each of the first two is said."""
    said: list[str] = []
    seen: list[Urgency] = []
    with StopLadder(said.append) as ladder:
        for _ in range(2):
            press(signal.SIGINT)
            seen.append(ladder.urgency)
        with pytest.raises(KeyboardInterrupt):
            press(signal.SIGINT)
        seen.append(ladder.urgency)
    assert seen == [Urgency.DRAIN, Urgency.STOP, Urgency.KILL]
    for _ in range(200):  # each is said by a thread of its own
        if len(said) == 2:
            break
        time.sleep(0.01)
    assert [text.split(":")[0] for text in said] == ["stopping", "stopping"]


def look(ladder: StopLadder, seen: list[Urgency]) -> None:
    """Note each rung, for ever."""
    while True:
        if ladder.urgency not in seen:
            seen.append(ladder.urgency)
        time.sleep(0.01)


def test_after_sigterm_the_rungs_follow_by_themselves() -> None:
    """Whoever sends SIGTERM sends SIGKILL next: half of the grace time drains, the rest stops."""
    seen: list[Urgency] = []
    began_s = time.monotonic()
    with StopLadder(lambda text: None, grace_s=0.4) as ladder:
        press(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            look(ladder, seen)
        assert ladder.preempted
    assert seen == [Urgency.DRAIN, Urgency.STOP]
    assert ladder.urgency is Urgency.KILL
    assert time.monotonic() - began_s >= 0.4


def test_a_ladder_that_is_left_climbs_no_further() -> None:
    """A sweep that ended within the grace time is not killed while it prints its result."""
    with StopLadder(lambda text: None, grace_s=0.05) as ladder:
        press(signal.SIGTERM)
    time.sleep(0.2)
    assert ladder.urgency is Urgency.DRAIN


def test_ctrl_c_climbs_faster_than_the_grace_time() -> None:
    """Rungs that were passed already are not climbed again by the clock."""
    with StopLadder(lambda text: None, grace_s=0.2) as ladder:
        press(signal.SIGTERM)
        press(signal.SIGINT)
        assert ladder.urgency is Urgency.STOP
        time.sleep(0.13)
        assert ladder.urgency is Urgency.STOP
        with pytest.raises(KeyboardInterrupt):
            time.sleep(2)


def test_without_an_interruption_the_handlers_are_as_before() -> None:
    """The ladder leaves no trace."""
    before = signal.getsignal(signal.SIGINT)
    with StopLadder(lambda text: None):
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before


def test_after_an_interruption_more_ctrl_c_change_nothing() -> None:
    """While the result is printed, an impatient Ctrl-C does not spoil it."""
    with StopLadder(lambda text: None):
        press(signal.SIGINT)
    press(signal.SIGINT)


def test_a_library_may_take_the_signals_and_lose_them_again() -> None:
    """Installing again brings the ladder back, and the first handlers are put back at the end."""
    before = signal.getsignal(signal.SIGTERM)
    with StopLadder(lambda text: None) as ladder:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        ladder.install()
        assert signal.getsignal(signal.SIGTERM) is not signal.SIG_IGN
    assert signal.getsignal(signal.SIGTERM) == before
