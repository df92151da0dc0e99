"""The line between a program and its worker."""

from __future__ import annotations

import queue
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sweeper.trial import Line, Report, TrialStopped
from sweeper.workers.channel import Asked, Channel


class Bench:
    """A channel that lets every report go on, and what it told."""

    def __init__(self, path: str) -> None:
        self.told: queue.SimpleQueue[Report] = queue.SimpleQueue()
        self.go_on = True
        self.marks: list[tuple[str, bool]] = []
        self.path = path
        self.channel = Channel(path, ("loss", "acc", "energy_j"), self._tell, self._mark)

    def _mark(self, region: str, entering: bool) -> None:  # the shape of Mark
        if entering and (region, True) in self.marks:
            raise ValueError(f"measure({region!r}): it is measured already")
        self.marks.append((region, entering))

    def _tell(self, asked: Asked) -> None:
        self.told.put(asked.report)
        asked.answer(self.go_on)

    @property
    def reports(self) -> list[Report]:
        """Take what was told so far."""
        return [self.told.get() for _ in range(self.told.qsize())]

    def raw(self, *lines: bytes) -> list[bytes]:
        """Send lines from a process that is not ours, and return the answers."""
        with socket.socket(socket.AF_UNIX) as end:
            end.connect(self.path)
            with end.makefile("rb") as answers:
                found = []
                for line in lines:
                    end.sendall(line + b"\n")
                    found.append(answers.readline().strip())
                return found


@pytest.fixture
def bench() -> Iterator[Bench]:
    """Open a channel in a folder with a short name."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(str(Path(folder) / "c"))
        yield bench
        bench.channel.close()


@pytest.fixture
def line(bench: Bench) -> Iterator[Line]:
    """Open a line to it."""
    line = Line(bench.path)
    yield line
    line.close()


def row(line: Line, metrics: dict[str, Any], row: int | None = None, commit: bool = True) -> None:
    """Say what a call of wandb.log says."""
    line.say({"row": row, "commit": commit, "metrics": metrics})


def test_a_report_is_told_and_answered(bench: Bench, line: Line) -> None:
    """The program goes on when the sweep says so."""
    line.say({"step": 3, "metrics": {"loss": 0.5}})
    assert bench.reports == [(3, {"loss": 0.5})]
    assert bench.channel.claimed


def test_a_stop_is_an_exception_and_stays_one(bench: Bench, line: Line) -> None:
    """After a stop every report raises, and is not told any more."""
    bench.go_on = False
    with pytest.raises(TrialStopped):
        line.say({"step": 1, "metrics": {"loss": 1.0}})
    bench.channel.stop()
    bench.go_on = True
    with pytest.raises(TrialStopped):
        line.say({"step": 2, "metrics": {"loss": 1.0}})
    assert [step for step, _ in bench.reports] == [1]


def test_rows_of_a_history_are_counted(bench: Bench, line: Line) -> None:
    """The step is the count of rows that hold a metric of the sweep, from 1."""
    row(line, {"loss": 1.0})
    row(line, {"other": 1.0})
    row(line, {"loss": 2.0, "other": 3.0})
    assert bench.reports == [(1, {"loss": 1.0}), (2, {"loss": 2.0, "other": 3.0})]


def test_pieces_of_a_row_are_one_report(bench: Bench, line: Line) -> None:
    """What is logged with commit=False belongs to the call that commits."""
    row(line, {"loss": 1.0}, commit=False)
    row(line, {"lr": 0.1}, commit=False)
    assert bench.reports == []
    row(line, {"other": 1.0})
    assert bench.reports == [(1, {"loss": 1.0, "lr": 0.1, "other": 1.0})]


def test_a_row_with_a_step_ends_when_the_next_begins(bench: Bench, line: Line) -> None:
    """Calls with the same step are one row; a row with every metric need not wait for its end."""
    row(line, {"loss": 1.0}, row=0, commit=False)
    row(line, {"x": 1.0}, row=0, commit=False)
    assert bench.reports == []
    row(line, {"loss": 2.0}, row=5, commit=False)
    assert bench.reports == [(1, {"loss": 1.0, "x": 1.0})]
    row(line, {"acc": 0.5}, row=5, commit=False)
    assert bench.reports == [(2, {"loss": 2.0, "acc": 0.5})]
    row(line, {}, commit=True)
    assert bench.reports == []


def test_the_end_of_a_program_ends_its_row(bench: Bench, line: Line) -> None:
    """The last piece of a history is not lost."""
    row(line, {"loss": 1.0}, row=0, commit=False)
    row(line, {}, commit=True)
    assert bench.reports == [(1, {"loss": 1.0})]


def test_one_process_speaks_for_the_trial(bench: Bench, line: Line) -> None:
    """Other ranks get an answer and are not counted; when the first has ended, the next speaks."""
    line.say({"step": 1, "metrics": {"loss": 1.0}})
    assert bench.raw(b'{"step": 1, "metrics": {"loss": 9.0}}') == [b"go on"]
    assert [metrics["loss"] for _, metrics in bench.reports] == [1.0]
    line.close()
    for _ in range(100):  # its end is noticed by another thread
        bench.raw(b'{"step": 2, "metrics": {"loss": 2.0}}')
        if bench.told.qsize():
            break
    assert bench.reports == [(2, {"loss": 2.0})]


def test_a_program_that_reports_by_itself_is_not_counted_twice(bench: Bench, line: Line) -> None:
    """``sweeper.report`` beside ``wandb.log``: the explicit one counts."""
    line.say({"step": 1, "metrics": {"loss": 1.0}})
    row(line, {"loss": 1.0})
    assert bench.reports == [(1, {"loss": 1.0})]


@pytest.mark.parametrize(
    "message",
    [b"", b"{", b"[]", b"3", b'{"step": 1}', b'{"step": 1, "metrics": 3}', b'{"metrics": {}}',
     b"\xff\xfe", b"[" * 5000],
    ids=["empty", "broken", "list", "number", "no-metrics", "metrics", "no-step", "bytes", "deep"],
)  # fmt: skip
def test_what_is_no_report_is_told(bench: Bench, message: bytes) -> None:
    """The answer says what a report looks like, and the line stays open."""
    answers = bench.raw(message, b'{"step": 1, "metrics": {"loss": 1}}')
    assert answers[0].startswith(b"error: a report must be {step, metrics}")
    assert answers[1] == b"go on"


def test_a_worker_that_is_gone_stops_the_program(bench: Bench, line: Line) -> None:
    """Nobody judges any more: the trial is over."""
    line.say({"step": 1, "metrics": {"loss": 1.0}})
    bench.channel.close()
    with pytest.raises(TrialStopped):
        line.say({"step": 2, "metrics": {"loss": 1.0}})


def test_an_address_where_nobody_listens_is_told(tmp_path: Path) -> None:
    """The error says which variable led there and what to do."""
    with pytest.raises(ConnectionError, match="unset SWEEPER_CHANNEL to run alone"):
        Line(str(tmp_path / "c"))


# --- regions ---


def test_regions_of_the_voice_are_marked(bench: Bench, line: Line) -> None:
    """Entering and leaving arrive in their order; another rank's are not counted."""
    line.mark("inference", True)
    other = Line(bench.path)
    other.mark("inference", True)
    line.mark("inference", False)
    other.mark("inference", False)
    other.close()
    assert bench.marks == [("inference", True), ("inference", False)]
    assert bench.reports == []


def test_what_is_wrong_about_a_region_is_answered(bench: Bench, line: Line) -> None:
    """The program gets the sentence; half a message is an error as well."""
    line.mark("inference", True)
    with pytest.raises(ValueError, match="it is measured already"):
        line.mark("inference", True)
    (answer,) = bench.raw(b'{"region": "inference"}')
    assert answer.startswith(b"error: ")


def test_a_region_ends_a_program_that_is_to_stop(bench: Bench, line: Line) -> None:
    """Whoever measures hears of the end as whoever reports."""
    bench.channel.stop()
    with pytest.raises(TrialStopped):
        line.mark("inference", True)
    assert bench.marks == []


def test_a_region_is_no_report(bench: Bench, line: Line) -> None:
    """What the program prints goes on being counted until it reports."""
    line.mark("inference", True)
    assert not bench.channel.claimed
