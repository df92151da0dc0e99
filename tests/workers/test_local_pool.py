"""The pool inside the driver."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeper.testing.pool_cases import MakePool, PoolCases, drain, order
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
