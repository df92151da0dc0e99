"""A driver that is killed or asked to end at random moments: nothing is lost, nothing left."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.interruptions import KILL, WAYS, Interruptions

pytestmark = pytest.mark.ray


def test_a_sweep_survives_kill_9_five_times(tmp_path: Path) -> None:
    """With Ray: one worker, five kills, and every trial as if nothing had happened."""
    sweep = Interruptions(tmp_path, trials=120, local=False, seed=5)
    for _ in range(5):
        sweep.interrupt(KILL)
    report = sweep.judge()
    assert not report.wrong
    assert report.rounds[KILL] >= 4, "the sweep was too short to be interrupted so often"


def test_a_sweep_survives_every_signal(tmp_path: Path) -> None:
    """Inside the driver, where the signal meets the training itself; one round with Ray."""
    sweep = Interruptions(tmp_path / "local", trials=100, local=True, seed=7)
    for way in WAYS:
        sweep.interrupt(way)
    assert not sweep.judge().wrong
    assert sweep.report.rounds.total() >= 4
    on_ray = Interruptions(tmp_path / "ray", trials=60, local=False, seed=8)
    for way in ("SIGINT three times", "SIGTERM"):
        on_ray.interrupt(way)
    assert not on_ray.judge().wrong
