"""The shipped sweeps with an energy budget and an energy constraint, on a stand-in for a GPU."""

from __future__ import annotations

import shutil
import statistics
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from sweeper.compose import open_store, view
from sweeper.model import Source, SweepHistory
from sweeper.places import user
from sweeper.store.admin import find_sweep
from sweeper.testing.fake_nvml import build
from tests.cli.project import Project

ROOT = Path(__file__).parents[2]
POWER_W = 100.0
WORKERS = 2
EDGE_S = 0.3  # from the report at which a trial is stopped to its end, the settled edge included

pytestmark = pytest.mark.ray


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Return a folder with the examples, on a machine whose GPU draws 100 W."""
    library = tmp_path / "nvml"
    library.mkdir()
    build(library)
    monkeypatch.setenv("LD_LIBRARY_PATH", str(library))
    monkeypatch.setenv("FAKE_NVML_WATTS", f"{POWER_W:g}")
    monkeypatch.setenv("FAKE_NVML_PERIOD_S", "0.01")  # so that short trials differ
    project = Project(tmp_path / "project", tmp_path / "state")
    for name in ("configs", "examples"):
        shutil.copytree(ROOT / name, project.folder / name)
    return project


def test_an_energy_budget_on_a_gpu(here: Project) -> None:
    """It stops before the trials run out, with trials over by at most a step of each worker."""
    overrides = ["resources.gpus=0.5", "budget.energy=240 J", "trial.energy=120 J"]
    done = here.run("run", "configs/energy-budget.yaml", "--json", *overrides)
    assert done.code == 0, done.err
    assert "held against an estimate" not in done.err
    result = done.json
    assert (result["state"], result["stopped_by"]) == ("complete", "budget.energy")
    assert result["energy"]["source"] == "measured:counter"
    trials_j = result["energy"]["spent_j"] - result["energy"]["overhead_j"]
    assert 0 < trials_j < 240 + WORKERS * (longest_step_s() + EDGE_S) * POWER_W
    text = here.run("show", "last").out
    assert "budget.energy 240 J" in text


def test_an_energy_constraint_on_a_gpu(here: Project) -> None:
    """The best trial is the best of those that used at most so many joules, trained or stored."""
    command = ["run", "configs/energy-constraint.yaml", "resources.gpus=0.5", "max_steps=10"]
    command += ["budget.trials=4", "--json"]
    trained = here.run(*command, "constraints=[energy_j <= 1e9]")
    assert trained.code == 0, trained.err
    limit_j = statistics.mean(row.energy_j or 0.0 for row in last_sweep().attempts)
    done = here.run(*command, f"constraints=[energy_j <= {limit_j!r}]")
    assert done.code == 0, done.err
    rows = last_sweep().attempts
    assert {row.source for row in rows} == {Source.CACHE}
    used_j = {row.id.number: row.energy.total_j for row in rows if row.energy is not None}
    accuracy = {row.id.number: row.final[0] for row in rows}
    feasible = [number for number, joules in used_j.items() if (joules or 0.0) <= limit_j]
    assert 0 < len(feasible) < len(rows) == 4
    best = done.json["best"]
    assert best["number"] in feasible
    assert accuracy[best["number"]] == max(accuracy[number] for number in feasible)


def longest_step_s() -> float:
    """Return the longest time that any trial of the last sweep took for one step."""
    return max(
        after_s - before_s
        for row in last_sweep().attempts
        for before_s, after_s in pairwise([0.0, *(point.elapsed_s for point in row.curve)])
    )


def last_sweep() -> SweepHistory:
    """Read the sweep that was begun last."""
    with closing(open_store(None)) as store:
        return view(store, find_sweep(store, "last", who=user())).history
