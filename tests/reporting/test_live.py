from __future__ import annotations

import io
import logging
import re

import pytest
from rich.cells import cell_len
from rich.console import Console

from sweeper.model import (
    AttemptId,
    Busy,
    Cause,
    CauseKind,
    Notice,
    Params,
    Point,
    Source,
    SweepEnded,
    SweepState,
    TrialParked,
    TrialReported,
    TrialState,
    Verdict,
)
from sweeper.reporting.live import LiveTable, draw, terminal
from sweeper.reporting.tally import Tally
from tests.reporting.samples import (
    FACTORS,
    FRONT,
    Clock,
    attempt_of,
    began,
    constrained,
    settled,
    started,
)

LONG: Params = {f"parameter_{n}": 0.123456 * n for n in range(12)} | {"text": "[red]日本[/red]"}


@pytest.fixture(autouse=True)
def terminal_type(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw as on an ordinary terminal, wherever the tests run."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)


def _console(width: int) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=width, height=30)


def _busy_tally() -> tuple[Tally, Clock]:
    clock = Clock()
    tally = Tally(budget_trials=None, factors=FACTORS, clock=clock)
    tally.take(began())
    for number in range(4):
        tally.take(started(number, LONG))
        tally.take(settled(number, [0.5 + number / 10], energy=10.0, params=LONG))
    for number in (4, 5):
        tally.take(started(number, LONG))
        point = Point(7, (0.123456789,), 1234.5, 3.0)
        tally.take(TrialReported(AttemptId(number, 0, 0), point, Verdict(False)))
    tally.take(TrialParked(attempt_of(6, LONG), Busy("alice", "node9", 3, 30, 60.0)))
    cause = Cause(CauseKind.ERROR, "ValueError: " + "x" * 300)
    tally.take(settled(7, state=TrialState.FAILED, energy=1.0, cause=cause))
    clock.now = 83.0
    return tally, clock


def _drawn(tally: Tally, width: int, *, rows: int = 20) -> list[str]:
    console = _console(width)
    with console.capture() as capture:
        console.print(draw(tally, max_steps=30, rows=rows))
    return re.sub(r"\x1b\[[0-9;]*m", "", capture.get()).splitlines()


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_row_is_wrapped(width: int) -> None:
    """Header, column heads, three trials and four lines of footer stay on one line each."""
    tally, _ = _busy_tally()
    lines = _drawn(tally, width)
    assert len(lines) == 1 + 1 + 3 + 4
    assert all(cell_len(line) <= width for line in lines)


@pytest.mark.parametrize("width", [80, 120])
def test_figures_survive_narrow_terminals(width: int) -> None:
    """On 80 columns the params are cut, never the figures."""
    tally, _ = _busy_tally()
    text = "\n".join(_drawn(tally, width))
    for figure in (
        "digits-mlp-7f3a  5/60 trials  1 m 23 s  about 4 m 35 s left",
        "7/30",
        "0.123457",
        "1.23 kJ",
        "parked",
        "waits for alice on node9",
        "best: trial 3, val_accuracy 0.8 at step 1",
        "4 complete, 0 pruned, 1 failed",
        "energy: 2.51 kJ spent (measured:counter)",
        "last failure: trial 7, error: ValueError:",
    ):
        assert figure in text


def test_markup_in_params_is_literal() -> None:
    """What looks like markup in a parameter is printed as it is."""
    tally, _ = _busy_tally()
    tally.running[4, 0].attempt = attempt_of(
        4, {"name": "[red]x[/red]", "e": ":smile:", "bad": "[/]"}
    )
    assert "name=[red]x[/red] e=:smile: bad=[/]" in "\n".join(_drawn(tally, 120))


def test_many_trials_leave_room_for_the_footer() -> None:
    """More trials in flight than the screen has rows are counted instead of shown."""
    tally, _ = _busy_tally()
    lines = _drawn(tally, 80, rows=2)
    assert "and 1 more in flight" in lines
    assert len(lines) == 1 + 1 + 2 + 1 + 4


def test_avoided_by_the_store_is_shown() -> None:
    """Joules that the store avoided stand beside those that were spent."""
    tally, _ = _busy_tally()
    tally.take(settled(9, [0.99], source=Source.CACHE, energy=21.0))
    text = "\n".join(_drawn(tally, 120))
    assert "21.0 J avoided by the store" in text
    assert "best: trial 9, val_accuracy 0.99 at step 1, from the store" in text


def test_front_and_replicates_are_shown() -> None:
    """With several objectives the front is counted; a further replicate of a trial says which."""
    tally = Tally(budget_trials=None, factors=FACTORS, clock=Clock())
    tally.take(began(goals=FRONT))
    for number, (value, energy) in enumerate([(0.5, 2.0), (0.9, 9.0)]):
        tally.take(settled(number, [(value, None)], energy=energy, final=(value, energy)))
    tally.take(started(7, replicate=1))
    text = "\n".join(_drawn(tally, 80))
    assert "front: 2 trials; best: trial 1, val_accuracy 0.9 at step 1" in text
    assert "\n  7r1  0/30" in text


def test_constrained_sweep_has_no_best_before_a_feasible_trial() -> None:
    """Until a trial meets the constraints, none is the best."""
    tally = Tally(budget_trials=None, factors=FACTORS, clock=Clock())
    tally.take(began(goals=constrained("val_accuracy > 0.95")))
    tally.take(settled(0, [0.9], energy=1.0))
    assert "best: no feasible trial yet" in "\n".join(_drawn(tally, 80))


def test_nothing_is_drawn_before_the_sweep_begins() -> None:
    """Without a beginning there is nothing to show."""
    assert _drawn(Tally(budget_trials=None, factors=FACTORS, clock=Clock()), 80) == [""]


def test_live_table_leaves_its_last_state_and_the_cursor() -> None:
    """At the end the last state stands, notices above it, and the cursor is visible again."""
    console = _console(80)
    table = LiveTable(console, factors=FACTORS, max_steps=30, clock=Clock())
    for event in (
        began(),
        started(0),
        Notice("[b]careful[/b]"),
        settled(0, [0.7], energy=12.34),
        SweepEnded(SweepState.COMPLETE, "space"),
    ):
        table.observe(event)
    table.close()
    table.close()
    assert isinstance(console.file, io.StringIO)
    raw = console.file.getvalue()
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", raw)
    assert "note: [b]careful[/b]" in text
    last = text[text.rindex("sweep digits-mlp-7f3a complete (space)") :]
    assert "best: trial 0, val_accuracy 0.7" in last
    assert "energy: 12.3 J spent (measured:counter)" in last
    assert raw.rindex("\x1b[?25h") > raw.rindex("\x1b[?25l")


class _BrokenClock:
    def __init__(self) -> None:
        self.broken = False

    def __call__(self) -> float:
        if self.broken:
            raise ValueError("no time")
        return 0.0


def test_failing_draw_costs_the_table_only(caplog: pytest.LogCaptureFixture) -> None:
    """An error while drawing raises nothing into the sweep and is logged once."""
    clock = _BrokenClock()
    table = LiveTable(_console(80), factors=FACTORS, clock=clock)
    clock.broken = True
    with caplog.at_level(logging.WARNING):
        table.observe(began())
        table.observe(started(0))
        table.observe(SweepEnded(SweepState.STOPPED, "interrupt"))
        table.close()
    assert [record.name for record in caplog.records] == ["sweeper.reporting.guard"]


class _BrokenStream(io.StringIO):
    def write(self, text: str, /) -> int:
        raise BrokenPipeError("gone")


def test_reader_that_goes_away_does_not_end_the_program() -> None:
    """A broken pipe silences the console instead of leaving the sweep by ``SystemExit``."""
    console = terminal(_BrokenStream())
    table = LiveTable(console, factors=FACTORS, clock=Clock())
    table.observe(began())
    table.observe(SweepEnded(SweepState.COMPLETE, "space"))
    table.close()
    assert console.quiet


class _InterruptedClock:
    """A clock during whose reading a signal handler runs."""

    def __init__(self) -> None:
        self.table: LiveTable | None = None

    def __call__(self) -> float:
        table, self.table = self.table, None
        if table is not None:
            table.observe(Notice("Ctrl-C: draining"))
        return 0.0


def test_notice_from_a_signal_handler_does_not_deadlock() -> None:
    """A notice that arrives in the midst of another event is printed."""
    console, clock = _console(80), _InterruptedClock()
    table = LiveTable(console, factors=FACTORS, clock=clock)
    clock.table = table
    table.observe(began())
    table.close()
    assert isinstance(console.file, io.StringIO)
    assert "note: Ctrl-C: draining" in console.file.getvalue()
