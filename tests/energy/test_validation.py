from __future__ import annotations

from dataclasses import replace

import pytest

from sweeper.energy.validation.bench import held_j
from sweeper.energy.validation.finding import Finding
from sweeper.energy.validation.plan import FULL, QUICK, Plan
from sweeper.energy.validation.protocol import EXPERIMENTS, Experiment, experiments
from sweeper.energy.validation.sensors import (
    calls_and_periods,
    idle_agrees,
    steady_agrees,
    waves_agree,
)
from sweeper.energy.validation.windows import edges_hold, work_is_linear
from sweeper.energy.validation.work import Load, LoadFailed
from sweeper.testing.scripted_meter import HandClock

from .simulated import BUSY_W, IDLE_W, SimulatedBoard, SimulatedLoad, simulated_bench

WINDOWS = ((0.05, 8), (0.2, 8), (1.0, 12), (5.0, 3), (10.0, 2))
PLAN = replace(FULL, watch_s=1.0, windows=WINDOWS)


def sensors(**how: float | bool) -> SimulatedBoard:
    """Return a board with such sensors."""
    return SimulatedBoard(HandClock(), **how)  # type: ignore[arg-type]


def test_sensors_that_agree_pass() -> None:
    """V0 to V3 pass on a board whose counter sees all of the time."""
    bench, load = simulated_bench(PLAN)
    periods = calls_and_periods(bench)
    assert periods.passed
    assert periods.figures["counter period ms"] == pytest.approx(100, abs=4)
    idle = idle_agrees(bench)
    assert idle.passed
    assert idle.figures["idle W"] == pytest.approx(IDLE_W)
    assert waves_agree(bench, load).passed
    steady = steady_agrees(bench, load)
    assert steady.passed
    assert steady.figures["run 3 W"] == pytest.approx(BUSY_W, rel=1e-3)


@pytest.mark.parametrize("gain", [0.75, 1.3])
def test_a_counter_with_a_gain_of_its_own_fails(gain: float) -> None:
    """V1, V2 and V3 fail where the counter is not the integral of the power."""
    bench, load = simulated_bench(PLAN, board=sensors(counter_gain=gain))
    findings = [idle_agrees(bench), waves_agree(bench, load), steady_agrees(bench, load)]
    assert [finding.passed for finding in findings] == [False, False, False]
    assert findings[0].figures["off average %"] == pytest.approx(100 * (gain - 1), abs=0.1)
    assert "part of the time" not in findings[1].note


def test_a_part_time_counter_is_found_by_the_waves_only() -> None:
    """A steady load cannot tell it; a wave of the sensor's own period can, and the note says so."""
    bench, load = simulated_bench(PLAN, board=sensors(part_time=True))
    assert steady_agrees(bench, load).passed
    waves = waves_agree(bench, load)
    assert waves.passed is False
    assert abs(waves.figures["100 ms: off average %"]) > 20
    assert abs(waves.figures["1000 ms: off average %"]) < 1.5
    assert "sees a part of the time only" in waves.note


def test_without_an_average_the_waves_cannot_be_judged() -> None:
    """Nothing to hold the counter against is neither a pass nor a failure."""
    bench, load = simulated_bench(PLAN, board=sensors(averages=False))
    assert waves_agree(bench, load).passed is None
    assert steady_agrees(bench, load).passed, "instant power is left to hold it against"


def test_without_a_counter_every_experiment_fails_and_says_so() -> None:
    """No counter is no pass."""
    bench, load = simulated_bench(PLAN, board=sensors(counts=False))
    alone = [calls_and_periods, idle_agrees]
    findings = [experiment(bench) for experiment in alone]
    findings += [
        experiment(bench, load)
        for experiment in (waves_agree, steady_agrees, edges_hold, work_is_linear)
    ]
    assert {finding.passed for finding in findings} == {False}
    assert {finding.note for finding in findings} == {"the energy counter cannot be read here"}


def test_settled_edges_pass_and_plain_ones_do_not() -> None:
    """V4: an agent that does not wait for the counter is off by more than 5 % at one second."""
    bench, load = simulated_bench(PLAN)
    settled = edges_hold(bench, load)
    assert settled.passed, settled.note
    assert settled.figures["1 s: settled off p95 %"] < 2
    bench, load = simulated_bench(PLAN, settles=False)
    plain = edges_hold(bench, load)
    assert plain.passed is False
    assert "settled trials of 1 s are off by more than 5 %" in plain.note


def test_linear_work_passes_and_growing_heat_does_not() -> None:
    """V5: twice the work is twice the joules, unless the board draws more the longer it works."""
    bench, load = simulated_bench(PLAN)
    linear = work_is_linear(bench, load)
    assert linear.passed
    assert linear.figures["intercept J"] == pytest.approx(0, abs=IDLE_W * 0.1)

    def heating(board: SimulatedBoard, clock: HandClock) -> Load:
        return SimulatedLoad(board, clock, heat=20.0)

    bench, load = simulated_bench(PLAN, load=heating)
    assert work_is_linear(bench, load).passed is False


@pytest.mark.parametrize(
    ("samples", "expected_j"),
    [
        ([(0.0, 10.0), (1.0, 30.0)], 10.0 * 1 + 30.0 * 3),
        ([(0.0, 10.0), (1.0, None), (2.0, 30.0)], 10.0 * 2 + 30.0 * 2),
        ([(-1.0, 10.0), (-0.5, 20.0), (5.0, 99.0)], 20.0 * 4),
        ([(1.0, 10.0)], 10.0 * 4),
        ([(1.0, None)], None),
        ([], None),
    ],
    ids=["held", "a miss is bridged", "outside samples", "one sample", "only misses", "none"],
)
def test_power_is_held_until_the_next_sample(
    samples: list[tuple[float, float | None]], expected_j: float | None
) -> None:
    """The integral from 0 to 4 s is that of a step function with the window's own edges."""
    assert held_j(samples, 0.0, 4.0) == expected_j


def run(plan: Plan, chosen: tuple[Experiment, ...], load: Load | None = None) -> list[Finding]:
    """Run experiments on a simulated board; without a load, nothing can keep it busy."""
    bench, made = simulated_bench(plan)

    def no_load() -> Load:
        raise LoadFailed("torch: No module named 'torch'")

    bench = replace(bench, idle_w=None, start_load=no_load if load is None else lambda: made)
    return list(experiments(bench, chosen, lambda line: None))


def test_without_a_load_only_the_idle_board_is_looked_at() -> None:
    """V0 and V1 need nothing that keeps the GPU busy; the others are skipped with the reason."""
    findings = run(PLAN, EXPERIMENTS)
    assert [finding.id for finding in findings] == [f"V{number}" for number in range(9)]
    assert [finding.passed for finding in findings] == [True, True, *[None] * 7]
    assert findings[2].note == "nothing keeps the GPU busy: torch: No module named 'torch'"


def test_what_would_end_too_late_is_skipped() -> None:
    """The protocol ends by itself: an experiment that does not fit into the rest is not begun."""
    findings = run(replace(PLAN, limit_s=20.0), EXPERIMENTS[:2])
    assert [finding.passed for finding in findings] == [True, None]
    assert findings[1].note == "no time was left for it"


def test_an_experiment_that_breaks_off_is_a_failure_and_the_next_one_is_done() -> None:
    """An error in one experiment costs nothing but that experiment."""
    broken = replace(EXPERIMENTS[1], run=lambda bench: Finding("V1", "", {"x": 1 / 0}))
    findings = run(PLAN, (broken, EXPERIMENTS[0]))
    assert [finding.passed for finding in findings] == [False, True]
    assert "ZeroDivisionError" in findings[0].note


@pytest.mark.parametrize(
    ("plan", "limit_s"), [(FULL, 600.0), (QUICK, 200.0)], ids=["full", "quick"]
)
def test_the_plans_fit_into_their_time(plan: Plan, limit_s: float) -> None:
    """All experiments together take less than ten minutes, and quick ones about three."""
    starts_s = 40.0  # of processes that load PyTorch
    total_s = sum(experiment.seconds(plan) for experiment in EXPERIMENTS)
    assert total_s + starts_s < limit_s
    assert total_s < plan.limit_s
