"""What a line of a program's output means."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.model import OutputRule, OutputStyle
from sweeper.trial import Report
from sweeper.workers.stdout_metrics import LONGEST_LINE, LineReader, Lines

NAMES = ("loss", "val/acc")


def read(*lines: str, style: OutputStyle = OutputStyle.AUTO, pattern: str = "") -> list[Report]:
    """Read lines and return what they report."""
    reader = LineReader(NAMES, OutputRule(style, (pattern,) if pattern else ()))
    return [report for line in lines if (report := reader.read(line)) is not None]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"step": 3, "loss": 0.5}', (3, {"loss": 0.5})),
        ('  {"loss": 0.5, "other": "x"}  ', (1, {"loss": 0.5, "other": "x"})),
        ('{"epoch": 4, "loss": -Infinity}', (4, {"loss": -math.inf})),
        ('{"step": 2.0, "loss": true}', (2, {"loss": True})),
        ('{"step": -1, "loss": 1}', (1, {"loss": 1})),
        ('{"step": "x", "loss": 1}', (1, {"loss": 1})),
        ("loss=0.5", (1, {"loss": 0.5})),
        ("epoch=3, loss=1e-3; val/acc=.9", (3, {"loss": 0.001, "val/acc": 0.9})),
        ("step=2 epoch=1 loss=inf", (2, {"loss": math.inf})),
        ("loss=1 loss=2", (1, {"loss": 2.0})),
        ("loss=0.5 energy_j=12", (1, {"loss": 0.5, "energy_j": 12.0})),
        ("time=1 loss=-INF", (1, {"loss": -math.inf})),
    ],
)
def test_a_line_is_a_report(line: str, expected: Report) -> None:
    """JSON objects and assignments with at least one metric; the step is given or counted."""
    assert read(line) == [expected]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "loss",
        "loss=",
        "loss=high",
        "loss=50%",
        "loss=1_000",
        "--loss=0.5",
        "my_loss=0.5",
        "loss=0.5=1",
        "loss = 0.5",
        "loss: 0.5",
        "step=3",
        "other=1",
        "{'loss': 0.5}",
        '{"loss": 0.5',
        '["loss", 0.5]',
        '{"other": {"loss": 0.5}}',
        "{" * 10_000,
        '{"a":' * 5_000,
        '{"x": 1' + "0" * 5000 + "}",
        "=" * 1000,
        "\x00\ud800",
    ],
    ids=lambda line: line[:12].encode("unicode_escape").decode(),
)
def test_other_lines_mean_nothing(line: str) -> None:
    """Programs print much; nothing of it is an error."""
    assert read(line) == []


def test_nan_arrives_as_such() -> None:
    """A diverged training is told, not hidden."""
    ((_, metrics),) = read("loss=nan")
    assert math.isnan(metrics["loss"])
    ((_, metrics),) = read('{"loss": NaN}')
    assert math.isnan(metrics["loss"])


def test_reports_without_a_step_are_counted() -> None:
    """The count goes on over lines that mean nothing, and over those that give a step."""
    lines = ["loss=1", "hello", "loss=2", "step=7 loss=3", "loss=4"]
    assert [step for step, _ in read(*lines)] == [1, 2, 7, 4]


@pytest.mark.parametrize(
    ("pattern", "line", "expected"),
    [
        (r"Loss (?P<loss>\S+)", "Loss 0.5", [(1, {"loss": 0.5})]),
        (r"ep (?P<step>\d+).*loss (?P<loss>\S+)", "ep 3 loss 1e3", [(3, {"loss": 1000.0})]),
        (r"(?P<name>\S+): (?P<value>\S+)", "loss: 2, x: 3", []),
        (
            r"(?P<name>\S+): (?P<value>[^,]+)",
            "loss: 2, val/acc: 3, x: 4",
            [(1, {"loss": 2.0, "val/acc": 3.0, "x": 4.0})],
        ),
        (r"Loss (?P<loss>\S+)", "Loss high", []),
        (r"(?P<loss>x)?", "", []),
    ],
    ids=["metric", "step", "not-a-number", "name-value", "text", "empty"],
)
def test_patterns(pattern: str, line: str, expected: list[Report]) -> None:
    """Groups are metrics and the step, or else a name and its value."""
    assert read(line, style=OutputStyle.PATTERN, pattern=pattern) == expected


@pytest.mark.parametrize(
    ("style", "read_lines"),
    [
        (OutputStyle.JSON, [1]),
        (OutputStyle.ASSIGNMENTS, [2]),
        (OutputStyle.AUTO, [1, 2]),
        (OutputStyle.NONE, []),
    ],
    ids=str,
)
def test_a_style_reads_its_own_lines_only(style: OutputStyle, read_lines: list[int]) -> None:
    """What the sweep file chooses is all that is read."""
    found = read('{"step": 1, "loss": 1}', "step=2 loss=2", style=style)
    assert [step for step, _ in found] == read_lines


@given(st.text(max_size=200))
def test_no_line_is_an_error(line: str) -> None:
    """Whatever is printed, reading it gives a report or nothing."""
    for report in read(line, f"loss={line}", f'{{"loss": {line}}}'):
        step, metrics = report
        assert step >= 0
        assert "loss" in metrics


@given(st.lists(st.binary(max_size=30).filter(lambda part: not re.search(rb"[\r\n]", part))),
       st.integers(1, 9))  # fmt: skip
def test_lines_do_not_depend_on_how_they_arrive(parts: list[bytes], size: int) -> None:
    """Cut anywhere, the same bytes are the same lines."""
    stream = b"\n".join(parts)
    lines = Lines()
    cut = [stream[at : at + size] for at in range(0, len(stream), size)]
    found = [line for data in cut for line in lines.feed(data)] + list(lines.end())
    assert found == [part.decode("utf-8", "replace") for part in parts if part]


def test_only_readable_lines_are_lines() -> None:
    """A progress bar counts as its last state, and a line without an end costs no memory."""
    lines = Lines()
    huge = b"x" * (LONGEST_LINE + 1)
    data = b"a\rb\rc\r\n" + huge + huge + b"\nlast"
    assert [*lines.feed(data), *lines.end()] == ["c", "last"]
