"""The pool inside the driver."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from sweeper.errors import PoolError
from sweeper.model import UNAVAILABLE, Energy, GpuEnergy
from sweeper.seams import Meter
from sweeper.testing.pool_cases import MakePool, PoolCases, drain, order
from sweeper.testing.scripted_meter import FailingMeter
from sweeper.workers.lazy_pool import LazyPool
from sweeper.workers.local_pool import LocalPool
from tests.workers.objectives import setup_for

PRINTS = """
import sys

def train(params):
    print("to standard output")
    print("to standard error", file=sys.stderr)
    yield 1, {"loss": 1.0}
"""


class TestLocalPool(PoolCases):
    @pytest.fixture
    def make_pool(self, tmp_path: Path) -> MakePool:
        """Build a local pool."""
        return lambda source: LocalPool(setup_for(source, tmp_path / "code"))


class TestLazyPool(PoolCases):
    @pytest.fixture
    def make_pool(self, tmp_path: Path) -> MakePool:
        """Build a local pool that starts at the first attempt."""
        return lambda source: LazyPool(lambda: LocalPool(setup_for(source, tmp_path / "code")))


def test_what_a_trial_prints_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Output goes to the trial's files and not to the terminal, where the progress is."""
    pool = LocalPool(setup_for(PRINTS, tmp_path / "code"))
    pool.start(order(tmp_path))
    drain(pool)
    assert (tmp_path / "0" / "stdout.log").read_text() == "to standard output\n"
    assert (tmp_path / "0" / "stderr.log").read_text() == "to standard error\n"
    assert capsys.readouterr() == ("", "")


def test_a_lazy_pool_starts_nothing_before_the_first_attempt(tmp_path: Path) -> None:
    """A sweep that is answered by the store never builds workers."""
    pool = LazyPool(lambda: LocalPool(setup_for("def train(params): ...", tmp_path)))
    assert pool.room() == 1
    assert pool.next_event(0.0) is None
    pool.close()
    assert not pool.started


class Agent:
    """An agent that measures nothing and remembers what it was asked."""

    def __init__(self) -> None:
        self.workers: list[tuple[str, int]] = []
        self.ended = 0

    def meter(self, worker: str, pid: int) -> Meter:
        """Return a meter that knows nothing."""
        self.workers.append((worker, pid))
        return FailingMeter()

    def retire(self, worker: str) -> Energy:
        """Return that nothing was left open."""
        return UNAVAILABLE

    def boards(self) -> tuple[GpuEnergy, ...]:
        """Return no board."""
        return ()

    def end(self) -> None:
        """Count."""
        self.ended += 1


@pytest.mark.parametrize(("gpus", "workers"), [(("0",), [("local", os.getpid())]), ((), [])])
def test_an_agent_is_built_only_for_gpus(
    tmp_path: Path, gpus: tuple[str, ...], workers: list[tuple[str, int]]
) -> None:
    """It meters this process; without GPUs there is nothing to share out."""
    agent = Agent()
    setup = setup_for("def train(params): yield 1, {'loss': 1.0}", tmp_path / "code")
    pool = LocalPool(replace(setup, make_agent=lambda: agent), gpus)
    pool.start(order(tmp_path))
    drain(pool)
    pool.close()
    pool.close()
    assert (agent.workers, agent.ended) == (workers, len(workers))


def test_an_agent_ends_although_its_worker_never_began(tmp_path: Path) -> None:
    """An objective that cannot be loaded leaves no thread behind."""
    agent = Agent()
    setup = setup_for("import no_such_package\ndef train(params): ...", tmp_path / "code")
    pool = LocalPool(replace(setup, make_agent=lambda: agent), ["0"])
    with pytest.raises(PoolError, match="no_such_package"):
        pool.start(order(tmp_path))
    pool.close()
    assert agent.ended == 1
