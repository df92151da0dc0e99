"""What a person is told before anything runs: what the joules of a budget will come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeper.compose.planning import check
from sweeper.config.load import load
from sweeper.energy.probe_cpu import probe_cpu
from tests.cli.project import SWEEP

ESTIMATED = probe_cpu().source.startswith("estimated")


def notes(folder: Path, *overrides: str) -> str:
    """Return everything that is said before this sweep runs."""
    (folder / "train.py").write_text("def train(params, trial): ...\n", encoding="utf-8")
    (folder / "sweep.yaml").write_text(SWEEP, encoding="utf-8")
    return "\n".join(check(load(folder / "sweep.yaml", overrides)).notes)


@pytest.mark.parametrize(
    ("overrides", "keys"),
    [
        (["budget.energy=1 kWh"], "budget.energy"),
        (["budget.co2e=1 kg"], "budget.co2e"),
        (["trial.energy=50 Wh"], "trial.energy"),
        (["budget.energy=1 kWh", "trial.energy=50 Wh"], "budget.energy and trial.energy"),
    ],
    ids=["energy", "grams", "of-one-trial", "both"],
)
def test_a_budget_that_is_held_against_an_estimate_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overrides: list[str], keys: str
) -> None:
    """On CPUs that cannot be measured, with the watts that it is made from."""
    monkeypatch.chdir(tmp_path)
    told = notes(tmp_path, *overrides, "resources.gpus=0", "energy.cpu_w_per_core=7")
    line = f"{keys}: held against an estimate, 7 W per busy core"
    assert (line in told) == ESTIMATED


@pytest.mark.parametrize(
    "overrides",
    [
        ["resources.gpus=0"],
        ["resources.gpus=0", "budget.time=1 h"],
        ["budget.energy=1 kWh", "ray.address=ray://head:10001"],
    ],
    ids=["no-limit", "time", "cluster"],
)
def test_otherwise_nothing_is_said_of_an_estimate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overrides: list[str]
) -> None:
    """Joules that limit nothing need no warning, and a cluster's nodes cannot be seen from here."""
    monkeypatch.chdir(tmp_path)
    assert "estimate" not in notes(tmp_path, *overrides)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [([], True), (["cache.data=[train.py]"], False), (["cache.mode=off"], False)],
    ids=["nothing", "declared", "no-cache"],
)
def test_that_no_data_is_declared_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overrides: list[str], said: bool
) -> None:
    """It is allowed, but who did not think of it must hear of it."""
    monkeypatch.chdir(tmp_path)
    assert ("no data is in the key" in notes(tmp_path, *overrides)) is said
