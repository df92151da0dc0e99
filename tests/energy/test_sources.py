from __future__ import annotations

import pytest

from sweeper.energy.constant import NoSource, design_power_w
from sweeper.energy.sources import SourceSettings, measure_update_s, open_source
from sweeper.model import SOURCES
from sweeper.testing.scripted_meter import HandClock

from .traced import Metered, TracedBoard, is_said, metered

POWER = ("average", "instant", "legacy")
RUNGS = [
    ((), None, "measured:counter"),
    (("counter",), None, "measured:power_avg"),
    (("counter", "average"), None, "measured:power_instant"),
    (("counter", "average", "instant"), 300.0, "measured:power_legacy"),
    (("counter", *POWER), 300.0, "estimated:util"),
    (("counter", *POWER, "utilisation"), 300.0, "declared"),
    (("counter", *POWER, "utilisation"), None, "estimated:tdp"),
    (("counter", *POWER, "utilisation", "limit"), 300.0, "declared"),
    (("counter", *POWER, "utilisation", "limit"), None, "unavailable"),
]


@pytest.mark.parametrize(
    ("missing", "gpu_w", "label"), RUNGS, ids=[f"{rung[2]}-{rung[1]}" for rung in RUNGS]
)
def test_the_strongest_source_that_answers_is_used(
    missing: tuple[str, ...], gpu_w: float | None, label: str
) -> None:
    """Which one it is, is found out by asking; the architecture is never asked for."""
    meter = metered(*missing, gpu_w=gpu_w)
    assert (meter.source.label, meter.source.flags) == (label, ())
    assert label in SOURCES
    assert meter.source.update_s is None


@pytest.mark.parametrize("name", ["average", "instant", "legacy"])
def test_a_sensor_that_says_0_w_is_none(name: str) -> None:
    """A power of 0 W is a driver that has nothing to say, not a source."""
    others = {"counter", *POWER} - {name}
    board = TracedBoard(HandClock(), 0.0, {*others, "utilisation", "limit"})
    assert open_source(board, SourceSettings(), 0.0).label == "unavailable"


def test_utilisation_stands_between_idle_power_and_the_limit() -> None:
    """A quarter of the time busy is idle power and a quarter of the rest."""
    board = TracedBoard(HandClock(), 100.0, {"counter", *POWER}, load=0.25)
    is_said(Metered(board, SourceSettings(gpu_idle_w=100.0)).run(10.0).take(), 2500.0, 10.0)


def test_an_idle_board_without_known_idle_power_is_estimated_at_nothing() -> None:
    """The estimate has no floor that nobody gave; it is a reading all the same."""
    board = TracedBoard(HandClock(), 100.0, {"counter", *POWER}, load=0.0)
    is_said(Metered(board).run(10.0).take(), 0.0, 10.0)


def test_declared_watts_are_watts_times_time() -> None:
    """Whatever the board really does."""
    meter = metered("counter", *POWER, "utilisation", gpu_w=250.0).run(60.0)
    is_said(meter.take(), 15_000.0, 60.0)


@pytest.mark.parametrize(
    ("name", "limit_w", "mean_w"),
    [
        ("NVIDIA A100-SXM4-80GB", 300.0, 200.0),
        ("Some GPU", 300.0, 150.0),
    ],
    ids=["in the table", "by its limit"],
)
def test_half_of_the_design_power_is_assumed(name: str, limit_w: float, mean_w: float) -> None:
    """Of a board in the table its own, of another one the limit that its driver enforces."""
    board = TracedBoard(HandClock(), limit=limit_w, name=name)
    board.missing |= {"counter", *POWER, "utilisation"}
    assert Metered(board).run(10.0).known().energy_j == pytest.approx(10.0 * mean_w)


@pytest.mark.parametrize(
    ("name", "watts"),
    [
        ("NVIDIA H100 80GB HBM3", 700.0),
        ("NVIDIA H100 PCIe", 350.0),
        ("NVIDIA L40S", 350.0),
        ("NVIDIA L40", None),
        ("NVIDIA A100-PCIE-40GB", 250.0),
        ("Tesla V100-SXM2-16GB", 300.0),
        ("GRID V100D-8Q", None),
        ("Tesla T4", 70.0),
        ("NVIDIA T400", None),
        ("unknown", None),
    ],
)
def test_design_power_is_known_of_some_boards(name: str, watts: float | None) -> None:
    """Names are NVML's; a board that is not in the table has none, nor has a part of one."""
    assert design_power_w(name) == watts


def test_nothing_known_is_none_and_never_0() -> None:
    """Without any reading there are no joules."""
    meter = metered("counter", *POWER, "utilisation", "limit").run(10.0)
    assert meter.take() is None


def test_a_board_that_is_lost_before_it_was_asked_is_unavailable() -> None:
    """Opening its source raises nothing."""
    source = open_source(TracedBoard(HandClock(), lost_s=0.0), SourceSettings(), 0.0)
    assert isinstance(source, NoSource)
    source.sample(1.0)
    assert (source.label, source.flags, source.take(1.0)) == ("unavailable", ("gpu_lost",), None)


def test_a_board_is_lost_while_its_source_is_opened() -> None:
    """The counter answers, the next reading does not: the source is there and knows nothing."""
    board = TracedBoard(HandClock())
    board.fails = lambda name, now_s: name == "average" and not _lose(board)
    source = open_source(board, SourceSettings(), 0.0)
    assert source.take(0.0) is None
    assert "gpu_lost" in source.flags


def _lose(board: TracedBoard) -> bool:
    board.lost_s = 0.0
    return False


@pytest.mark.parametrize("missing", [set(), {"counter"}], ids=["counter", "power"])
def test_the_scope_of_a_board_is_that_of_its_source(missing: set[str]) -> None:
    """Where the sensors cover GPU and CPU together, the joules say so."""
    board = TracedBoard(HandClock(), missing=missing, scope="module")
    assert open_source(board, SourceSettings(), 0.0).scope == "module"
    assert open_source(TracedBoard(HandClock()), SourceSettings(), 0.0).scope == "gpu"


def test_an_estimate_covers_the_gpu_alone() -> None:
    """A model of a GPU knows nothing of the CPU beside it."""
    board = TracedBoard(HandClock(), missing={"counter", *POWER}, scope="module")
    assert open_source(board, SourceSettings(), 0.0).scope == "gpu"


@pytest.mark.parametrize("reading", ["counter_j", "average_w"])
def test_the_update_period_is_the_median_time_between_changes(reading: str) -> None:
    """A sensor that moves every 0.1 s is seen to, within the 2 ms between two readings."""
    board = TracedBoard(HandClock())
    watts = 100.0

    def sleep(elapsed_s: float) -> None:
        nonlocal watts
        watts += 0.1
        board.draw(watts)
        board.clock.advance(elapsed_s)

    period_s = measure_update_s(getattr(board, reading), board.clock, sleep)
    assert period_s == pytest.approx(0.1, abs=0.003)
    assert board.clock() == pytest.approx(1.0, abs=0.003)


@pytest.mark.parametrize("missing", [{"average"}, set()], ids=["unreadable", "constant"])
def test_a_sensor_that_does_not_move_has_no_period(missing: set[str]) -> None:
    """Fewer than three changes tell nothing."""
    board = TracedBoard(HandClock(), missing=missing)
    assert measure_update_s(board.average_w, board.clock, board.clock.advance) is None


def test_two_changes_are_too_few_for_a_period() -> None:
    """One gap may be any."""
    clock = HandClock()
    assert measure_update_s(lambda: clock() // 0.4, clock, clock.advance) is None
    assert measure_update_s(lambda: clock() // 0.3, clock, clock.advance) == pytest.approx(
        0.3, abs=0.003
    )


def test_a_lost_board_has_no_period() -> None:
    """Measuring it raises nothing."""
    board = TracedBoard(HandClock(), lost_s=0.0)
    assert measure_update_s(board.counter_j, board.clock, board.clock.advance) is None
