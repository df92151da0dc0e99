"""Sweeps for the tests of the page: an ordinary one, a large one, a hostile one."""

from __future__ import annotations

from random import Random

from sweeper.expression import Expression
from sweeper.model import (
    Direction,
    Goals,
    Metric,
    Source,
    SweepHistory,
    SweepState,
    TrialRow,
    TrialState,
)
from sweeper.reporting.counterfactual import GridSearch
from sweeper.reporting.page.document import sweep_page
from sweeper.reporting.summary import Asked, Summary
from sweeper.reporting.surroundings import Surroundings
from sweeper.testing.histories import history_of, sweep_row, trial_row, use_row
from tests.reporting.samples import summary_of

GRID = GridSearch(81, {"lr": 9, "hidden": 9}, stated=False, place=lambda _: None)
HOSTILE = "</script><script>window.stolen=1</script><img src=x onerror='window.stolen=1'>"


def around(**changes: object) -> Surroundings:
    """Return plain surroundings."""
    plain: dict[str, object] = {
        "version": "0.1.0",
        "written": "2026-11-23 16:00 UTC",
        "config": "name: digits-mlp\nmethod: bayes\n",
        "environment": (("driver", "bob on node1"),),
        "importances": {"lr": 0.7, "hidden": 0.3},
        "no_importances": "",
        "log_parameters": frozenset({"lr"}),
        **changes,
    }
    return Surroundings(**plain)  # type: ignore[arg-type]


def mixed(
    count: int = 40, *, state: SweepState = SweepState.COMPLETE, several: bool = False
) -> SweepHistory:
    """Return a sweep with trials of every kind, of one metric or of two."""
    random = Random(0)
    rows: list[TrialRow] = []
    uses = []
    for number in range(count):
        steps = random.choice([3, 9, 27])
        lr, hidden = 10 ** random.uniform(-4, -1), random.choice([32, 64, 128])
        level = 1 - abs(hidden - 64) / 200 - abs(lr - 0.01)
        values = [level * (1 - 1 / (step + 1)) for step in range(1, steps + 1)]
        kind = number % 8
        state_of = TrialState.COMPLETE if steps == 27 else TrialState.PRUNED
        source, cause = Source.RUN, None
        if kind == 5:
            source, state_of = Source.CACHE, TrialState.COMPLETE
            uses.append(use_row(number, 3.0))
        if kind == 7:
            state_of, cause, values = TrialState.FAILED, "error: ValueError: bad", []
        energy_j = 0.2 * steps + hidden / 100
        is_complete = several and state_of is TrialState.COMPLETE
        rows.append(
            trial_row(
                number,
                [(value, None) for value in values] if several else values,
                final=(values[-1], energy_j) if is_complete and values else None,
                state=state_of,
                source=source,
                cause=cause,
                energy=energy_j,
                params={"lr": lr, "hidden": hidden, "opt": random.choice(["adam", "sgd"])},
                elapsed_s=steps / 10,
            )
        )
    sweep = sweep_row(
        overhead_j=12.0,
        state=state,
        stopped_by=None if state is SweepState.RUNNING else "budget.trials",
    )
    return history_of(*rows, uses=uses, sweep=sweep)


def hostile() -> tuple[SweepHistory, Goals]:
    """Return a sweep in which everything that a user can name is an attack."""
    rows = [
        trial_row(
            number,
            [0.1 * number, 0.2 * number],
            energy=5.0,
            params={HOSTILE: number, "b": f"{HOSTILE}{number % 3}"},
        )
        for number in range(12)
    ]
    rows.append(trial_row(12, [], state=TrialState.FAILED, cause=f"error: {HOSTILE}"))
    history = history_of(*rows, uses=(), sweep=sweep_row(name=HOSTILE))
    return history, Goals.of(Metric(HOSTILE, Direction.MAXIMIZE))


def summarized(history: SweepHistory, goals: Goals | None = None) -> Summary:
    """Return the summary of a sweep with a grid to compare with."""
    asked = Asked(max_steps=27, grid=GRID)
    if goals is None:
        return summary_of(history, asked=asked)
    return summary_of(history, goals=goals, asked=asked)


def constrained_goals() -> Goals:
    """Return two objectives and a constraint."""
    accuracy = Metric("val_accuracy", Direction.MAXIMIZE)
    energy = Metric("energy_j", Direction.MINIMIZE)
    return Goals((accuracy, energy), ("val_accuracy", "energy_j"), (Expression("energy_j <= 99"),))


def page_of(history: SweepHistory, goals: Goals | None = None, **changes: object) -> str:
    """Return the page of a sweep."""
    return sweep_page(history, summarized(history, goals), around(**changes))
