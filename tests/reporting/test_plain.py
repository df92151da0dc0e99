from __future__ import annotations

import io
import logging

import pytest

from sweeper.model import (
    Cause,
    CauseKind,
    Event,
    Notice,
    Source,
    SweepEnded,
    SweepState,
    TrialState,
    Use,
)
from sweeper.reporting.live import LiveTable
from sweeper.reporting.observers import build_observer
from sweeper.reporting.plain import PlainLines
from sweeper.testing.histories import record_uid
from sweeper.testing.list_observer import ListObserver
from tests.reporting.samples import FACTORS, FRONT, began, settled, started


def _lines(*events: Event) -> list[str]:
    stream = io.StringIO()
    observer = PlainLines(stream, factors=FACTORS)
    for event in events:
        observer.observe(event)
    observer.close()
    return stream.getvalue().splitlines()


def test_one_line_per_settled_trial_and_notice() -> None:
    """Begin, settled trials, notices and end are written; starts are not."""
    lines = _lines(
        began(),
        started(0),
        Notice("the store is slow"),
        settled(0, [0.5, 0.7], energy=12.34),
        SweepEnded(SweepState.COMPLETE, "budget.trials"),
    )
    assert lines == [
        "sweep digits-mlp-7f3a: maximize val_accuracy, 60 trials",
        "note: the store is slow",
        "trial 0 complete at step 2  val_accuracy 0.7  12.3 J  lr=0.0123 hidden=64",
        "sweep digits-mlp-7f3a complete (budget.trials): 1 complete, 0 pruned, 0 failed",
    ]


PRUNED = Cause(CauseKind.PRUNER, "hyperband at rung 3: value 0.713, threshold 0.8")
BROKEN = Cause(CauseKind.ERROR, "ValueError: [b]no[/b]\nsecond line \x1b[31m")
HIT = Use(record_uid(1), Source.CACHE, 2, 21.0, comparable=True)


@pytest.mark.parametrize(
    ("event", "line"),
    [
        pytest.param(
            settled(12, [0.1, 0.5, 0.713], state=TrialState.PRUNED, energy=12.3, cause=PRUNED),
            "trial 12 pruned at step 3  val_accuracy 0.713  12.3 J  "
            "(hyperband at rung 3: value 0.713, threshold 0.8)  lr=0.0123 hidden=64",
            id="pruned",
        ),
        pytest.param(
            settled(1, state=TrialState.FAILED, cause=BROKEN),
            "trial 1 failed at step 0  energy unknown  "
            "(error: ValueError: [b]no[/b] second line)  lr=0.0123 hidden=64",
            id="failed",
        ),
        pytest.param(
            settled(2, [0.5, 0.7], source=Source.CACHE, energy=21.0, use=HIT),
            "trial 2 complete at step 2  val_accuracy 0.7  0 J, from the store, avoided 21.0 J  "
            "lr=0.0123 hidden=64",
            id="cached",
        ),
        pytest.param(
            settled(3, [0.7], source=Source.DUPLICATE, energy=21.0),
            "trial 3 complete at step 1  val_accuracy 0.7  0 J, duplicate  lr=0.0123 hidden=64",
            id="duplicate",
        ),
        pytest.param(
            settled(4, state=TrialState.LOST, energy=1.0, told=False),
            "trial 4 lost at step 0, to run again  1.00 J  lr=0.0123 hidden=64",
            id="lost",
        ),
    ],
)
def test_wording_of_a_settled_trial(event: Event, line: str) -> None:
    """A trial's line says how it ended, its value, its joules, why, and its params."""
    assert _lines(began(), event)[1:] == [line]


def test_replicates_are_named_and_summed_up() -> None:
    """Each replicate has its line, and the trial one more with mean, spread and all joules."""
    lines = _lines(
        began(),
        settled(3, [0.25, 0.5], energy=12.0, told=False),
        settled(3, state=TrialState.LOST, energy=1.0, told=False, replicate=1),
        settled(3, [0.75, 1.0], energy=12.0, replicate=1),
    )
    assert lines[1:] == [
        "trial 3, replicate 0 complete at step 2  val_accuracy 0.5  12.0 J  lr=0.0123 hidden=64",
        "trial 3, replicate 1 lost at step 0, to run again  1.00 J  lr=0.0123 hidden=64",
        "trial 3, replicate 1 complete at step 2  val_accuracy 1  12.0 J  lr=0.0123 hidden=64",
        "trial 3 complete  val_accuracy 0.75 ± 0.35 (2 seeds)  24.0 J together  "
        "lr=0.0123 hidden=64",
    ]


def test_several_objectives_name_the_front() -> None:
    """All aims stand at the beginning, the first value per trial, and the size of the front."""
    lines = _lines(
        began(goals=FRONT),
        settled(0, [(0.5, None)], energy=2.0, final=(0.5, 2.0)),
        settled(1, [(0.25, None)], energy=1.0, final=(0.25, 1.0)),
        settled(2, [(0.1, None)], energy=0.5, state=TrialState.PRUNED),
        SweepEnded(SweepState.COMPLETE, "budget.trials"),
    )
    assert lines == [
        "sweep digits-mlp-7f3a: maximize val_accuracy and minimize energy_j, 60 trials",
        "trial 0 complete at step 1  val_accuracy 0.5  2.00 J  lr=0.0123 hidden=64  "
        "(1 on the front)",
        "trial 1 complete at step 1  val_accuracy 0.25  1.00 J  lr=0.0123 hidden=64  "
        "(2 on the front)",
        "trial 2 pruned at step 1  val_accuracy 0.1  0.500 J  lr=0.0123 hidden=64",
        "sweep digits-mlp-7f3a complete (budget.trials): 2 complete, 1 pruned, 0 failed, "
        "2 on the front",
    ]


def test_own_past_is_counted_but_not_repeated() -> None:
    """A continued sweep does not print again what it had settled before, but counts it."""
    lines = _lines(
        began(resumed=True),
        settled(0, [0.5], replayed=True),
        SweepEnded(SweepState.COMPLETE, "space"),
    )
    assert lines[0].endswith("continued")
    assert lines[1:] == ["sweep digits-mlp-7f3a complete (space): 1 complete, 0 pruned, 0 failed"]


class _BrokenStream(io.StringIO):
    def write(self, text: str, /) -> int:
        raise BrokenPipeError("gone")


def test_broken_stream_costs_the_lines_only(caplog: pytest.LogCaptureFixture) -> None:
    """A reader that goes away raises nothing into the sweep and is logged once."""
    observer = PlainLines(_BrokenStream(), factors=FACTORS)
    with caplog.at_level(logging.WARNING):
        observer.observe(began())
        observer.observe(settled(0, [0.5]))
        observer.close()
    assert len(caplog.records) == 1


def test_terminal_decides_the_observer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal gets the live table, anything else and a dumb terminal plain lines."""

    def build(is_terminal: bool) -> object:
        stream = io.StringIO()
        return build_observer(
            stream, is_terminal=is_terminal, factors=FACTORS, max_steps=3, budget_trials=None
        )

    monkeypatch.setenv("TERM", "xterm-256color")
    assert isinstance(build(True), LiveTable)
    assert isinstance(build(False), PlainLines)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(build(True), PlainLines)


def test_list_observer_keeps_events() -> None:
    """The test observer keeps events in order and picks those of one kind."""
    observer = ListObserver()
    for event in (began(), Notice("a"), Notice("b")):
        observer.observe(event)
    observer.close()
    assert [notice.text for notice in observer.of(Notice)] == ["a", "b"]
    assert (len(observer.events), observer.closed) == (3, 1)
