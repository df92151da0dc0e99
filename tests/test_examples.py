"""Every example runs as its comment says, in a process of its own, without a network."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.project import Project

ROOT = Path(__file__).parent.parent


@pytest.fixture
def here(tmp_path: Path) -> Project:
    """Return the project itself with a home of its own."""
    return Project(ROOT, tmp_path / "state")


def test_a_front_of_accuracy_against_energy(here: Project) -> None:
    """Several metrics, one of them built in: a front of complete trials, some trials pruned."""
    done = here.run("run", "configs/pareto.yaml", "--local", "--json", "budget.trials=20")
    assert done.code == 0, done.err
    result = done.json
    assert result["best"] is None
    assert result["trials"]["pruned"] > 0
    front = result["front"]
    assert front
    for one in front:
        assert one["metrics"]["val_accuracy"] >= 0.9, "the constraint holds on the front"
        assert one["metrics"]["energy_j"] > 0
        assert not any(
            other["metrics"]["val_accuracy"] > one["metrics"]["val_accuracy"]
            and other["metrics"]["energy_j"] < one["metrics"]["energy_j"]
            for other in front
        ), "nobody on the front is beaten in both"


def test_a_conditional_space_with_three_seeds(here: Project) -> None:
    """Only what belongs to the chosen kind reaches the objective; the mean of the seeds counts."""
    done = here.run("run", "configs/conditional.yaml", "--local", "--json", "budget.trials=8")
    assert done.code == 0, done.err
    result = done.json
    shown = here.run("show", "last", "--json").json
    first = shown["trial_list"][0]
    assert first["params"] == {"kind": "neighbours", "neighbours": 5, "weights": "uniform"}
    for trial in shown["trial_list"]:
        params = dict(trial["params"])
        own = {"svm": {"svm"}, "neighbours": {"neighbours", "weights"}, "forest": {"trees"}}
        assert set(params) == {"kind"} | own[params["kind"]]
        assert trial["replicates"] == 3
        if params["kind"] == "svm" and params["svm"]["kernel"] == "linear":
            assert params["svm"]["c"] <= 10
    assert result["trials"]["complete"] == 8
    assert result["best"]["replicates"] == 3
    assert here.run("run", "configs/conditional.yaml", "--local", "--json", "--fresh",
                    "budget.trials=8").json["trials"]["trained"] == 0  # fmt: skip


@pytest.mark.torch
def test_a_pytorch_network(here: Project) -> None:
    """A nested, conditional group reaches the objective as a mapping; asha stops bad trials."""
    done = here.run("run", "configs/torch.yaml", "--local", "--json", "budget.trials=6")
    assert done.code == 0, done.err
    best = done.json["best"]
    assert best["metrics"]["val_accuracy"] > 0.8
    assert best["params"]["hidden"] % 16 == 0
    assert ("momentum" in best["params"]["optimizer"]) == (
        best["params"]["optimizer"]["name"] == "sgd"
    )


@pytest.mark.wandb
def test_an_unmodified_wandb_project(here: Project) -> None:
    """Script and sweep file as W&B has them: offline, stopped early, metrics arrive."""
    project = Project(ROOT / "examples" / "wandb_project", here.state)
    done = project.run("run", "sweep.yaml", "--local", "--json")
    assert done.code == 0, done.err
    assert done.json["trials"]["failed"] == 0
    assert done.json["trials"]["pruned"] > 0
    assert done.json["best"]["metrics"]


def test_another_language(here: Project) -> None:
    """A program that is no Python prints its metrics, is stopped early, and is never run twice."""
    project = Project(ROOT / "examples" / "other_language", here.state)
    done = project.run("run", "sweep.yaml", "--local", "--json")
    assert done.code == 0, done.err
    assert done.json["trials"]["failed"] == 0
    assert done.json["best"]["metrics"]
    again = project.run("run", "sweep.yaml", "--local", "--json", "--fresh")
    assert again.json["trials"]["trained"] == 0
