"""What every ``Pool`` must do; subclass it and provide the fixture ``make_pool``.

``make_pool(source)`` returns a pool with one worker that trains the objective ``train`` in the
Python text ``source``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from sweeper.model import (
    AttemptId,
    Cause,
    CauseKind,
    Ended,
    Ending,
    Order,
    PoolEvent,
    StepReport,
)
from sweeper.seams import Pool

__all__ = ["PoolCases", "drain"]

GENERATOR = """
def train(params):
    for step in range(1, 4):
        yield step, {"loss": params["x"] / step}
"""
FUNCTION = """
def train(params, trial):
    for step in range(1, 4):
        with trial.measure("training"):
            trial.report(step, loss=params["x"] / step)
"""
DECORATED = """
import functools

def logged(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)
    return wrapper

@logged
def train(params):
    for step in range(1, 4):
        yield step, {"loss": params["x"] / step}
"""
MODULE_LEVEL = """
import threading
import sweeper

def train(params):
    def step_by_step():
        for step in range(1, 4):
            with sweeper.measure("training"), sweeper.measure("step"):
                sweeper.report(step, loss=sweeper.params(x=0.0)["x"] / step)
    thread = threading.Thread(target=step_by_step)
    thread.start()
    thread.join()
"""
RAISES = """
def train(params):
    yield 1, {"loss": 1.0}
    raise ValueError("no such file: weights.bin")
"""
EXITS = """
import sys

def train(params):
    sys.exit("out of patience")
    yield
"""
CLEANS_UP = """
from pathlib import Path

def train(params, trial):
    try:
        for step in range(1, 100):
            yield step, {"loss": 1.0}
    finally:
        (Path(trial.dir) / "cleaned").write_text("yes")
"""
SEEDED = """
import random

def train(params):
    yield 1, {"loss": random.random()}
"""

MakePool = Callable[[str], Pool]


def order(folder: Path, number: int = 0, *, seed: int = 7) -> Order:
    """Make an order for a trial with x = 6."""
    return Order(AttemptId(number, 0, 0), {"x": 6.0}, seed, 10, str(folder / str(number)))


def wait(pool: Pool) -> PoolEvent:
    """Return the next event, or fail after a while."""
    for _ in range(240):
        event = pool.next_event(0.5)
        if event is not None:
            return event
    raise AssertionError("the pool said nothing for two minutes")


def drain(pool: Pool) -> tuple[list[StepReport], Ended]:
    """Let the attempt in flight train to its end."""
    reports = []
    while isinstance(event := wait(pool), StepReport):
        reports.append(event)
        pool.go_on(event.id)
    return reports, event


class PoolCases:
    """Conformance of a pool with one worker."""

    def test_a_generator_is_driven_to_its_end(self, make_pool: MakePool, tmp_path: Path) -> None:
        """Each yield is a report, and the end comes once."""
        self._trains(make_pool(GENERATOR), tmp_path)

    def test_a_function_reports_through_its_trial(
        self, make_pool: MakePool, tmp_path: Path
    ) -> None:
        """The same events as in the generator style; the regions are in the account."""
        assert self._trains(make_pool(FUNCTION), tmp_path) == {"training": 3}

    def test_a_decorated_generator_is_a_generator(
        self, make_pool: MakePool, tmp_path: Path
    ) -> None:
        """What is only known when it is called is driven all the same."""
        self._trains(make_pool(DECORATED), tmp_path)

    def test_a_function_reports_through_the_module(
        self, make_pool: MakePool, tmp_path: Path
    ) -> None:
        """``sweeper.report``, ``params`` and ``measure`` are the running trial's, in any thread."""
        assert self._trains(make_pool(MODULE_LEVEL), tmp_path) == {"training": 3, "step": 3}

    def _trains(self, pool: Pool, folder: Path) -> dict[str, int]:
        """Check what a pool says of a training; return how often each region was passed."""
        assert pool.room() == 1
        pool.start(order(folder))
        assert pool.room() == 0
        reports, ended = drain(pool)
        assert [(report.step, dict(report.metrics)) for report in reports] == [
            (1, {"loss": 6.0}),
            (2, {"loss": 3.0}),
            (3, {"loss": 2.0}),
        ]
        assert ended.ending is Ending.RETURNED
        assert ended.cause is None
        assert ended.node
        assert ended.worker
        assert json.loads((folder / "0" / "params.json").read_text()) == {"x": 6.0}
        assert pool.room() == 1
        pool.close()
        return {region.name: region.passages for region in ended.energy.regions}

    def test_a_stop_ends_the_attempt_and_frees_the_worker(
        self, make_pool: MakePool, tmp_path: Path
    ) -> None:
        """After a stop the ``finally`` of the objective has run, and the worker is free."""
        pool = make_pool(CLEANS_UP)
        pool.start(order(tmp_path))
        report = wait(pool)
        pool.stop(report.id, Cause(CauseKind.PRUNER, "test"))
        ended = wait(pool)
        assert isinstance(ended, Ended)
        assert ended.ending is Ending.STOPPED
        assert (tmp_path / "0" / "cleaned").read_text() == "yes"
        assert pool.room() == 1
        pool.close()

    def test_an_exception_is_one_failed_attempt(self, make_pool: MakePool, tmp_path: Path) -> None:
        """The cause is one line, the traceback is whole, and the worker goes on."""
        pool = make_pool(RAISES)
        for number in range(2):
            pool.start(order(tmp_path, number))
            reports, ended = drain(pool)
            assert len(reports) == 1
            assert ended.ending is Ending.RAISED
            assert ended.cause is not None
            assert ended.cause.kind is CauseKind.ERROR
            said = r"ValueError: no such file: weights\.bin \(\S+\.py:4\)"
            assert re.fullmatch(said, ended.cause.text)
            assert ended.traceback is not None
            assert "Traceback" in ended.traceback
            assert "sweeper/workers" not in ended.traceback
        pool.close()

    def test_sys_exit_is_a_failure_too(self, make_pool: MakePool, tmp_path: Path) -> None:
        """An objective cannot end the worker or the driver by ``sys.exit``."""
        pool = make_pool(EXITS)
        pool.start(order(tmp_path))
        _, ended = drain(pool)
        assert ended.cause is not None
        assert ended.cause.kind is CauseKind.ERROR
        assert re.fullmatch(r"SystemExit: out of patience \(\S+\.py:5\)", ended.cause.text)
        pool.close()

    def test_a_warm_worker_carries_no_state_over(self, make_pool: MakePool, tmp_path: Path) -> None:
        """The generators are seeded before each attempt: same seed, same numbers."""
        pool = make_pool(SEEDED)
        seen = []
        for number, seed in enumerate([1, 2, 1]):
            pool.start(order(tmp_path, number, seed=seed))
            reports, _ = drain(pool)
            seen.append(reports[0].metrics["loss"])
        assert seen[0] == seen[2] != seen[1]
        pool.close()

    def test_what_is_not_in_flight_is_left_alone(self, make_pool: MakePool, tmp_path: Path) -> None:
        """Late answers are harmless, and closing twice is."""
        pool = make_pool(GENERATOR)
        stranger = AttemptId(99, 0, 0)
        pool.go_on(stranger)
        pool.stop(stranger, Cause(CauseKind.PRUNER, "test"))
        assert pool.next_event(0.01) is None
        pool.close()
        pool.close()
