"""``sweeper check``, ``plan``, ``schema``, and what users of W&B type: each in its own process."""

from __future__ import annotations

import json

import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.cli.project import SWEEP, Project

NESTED = SWEEP.replace(
    "  x: {min: -1.0, max: 1.0}\n", "  net: {parameters: {x: {values: [1, 2]}}}\n"
)


def test_valid_file_shows_its_ranges(project: Project) -> None:
    """The file is named valid, its warnings come once, every parameter with its range."""
    project.write("sweep.yaml", f"{SWEEP}project: mine\n")
    done = project.run("check", "sweep.yaml", "parameters.depth={values: [2, 4]}")
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0] == "sweep.yaml is valid"
    assert sum("project" in line for line in lines) == 1
    ranges = [line.removeprefix("ranges").split()[0] for line in lines[-2:]]
    assert sorted(ranges) == ["depth", "x"]
    assert "\x1b" not in done.out
    assert project.run("ls", "--json").json == [], "nothing was run"


def test_valid_file_as_json(project: Project) -> None:
    """The document says valid, and has ranges, warnings and notes."""
    document = project.run("check", "sweep.yaml", "--json").json
    assert (document["file"], document["valid"]) == ("sweep.yaml", True)
    assert list(document["ranges"]) == ["x"]


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ("objective=gone.py:train", "objective: there is no file gone.py in"),
        ("metod=random", "did you mean"),
        ("energy.region=Atlantis", "energy.region: unknown region"),
    ],
    ids=["objective", "key", "region"],
)
def test_refused_file(project: Project, override: str, problem: str) -> None:
    """Exit code 2 and the problem with its key; as JSON too."""
    done = project.run("check", "sweep.yaml", override, "--json")
    assert done.code == 2
    assert problem in done.err
    assert done.json["valid"] is False
    assert any(problem in line for line in done.json["problems"])
    plain = project.run("check", "sweep.yaml", override)
    assert (plain.code, plain.out) == (2, "")


def test_plan_of_a_grid_before_and_after_it_ran(project: Project) -> None:
    """First nothing is known; afterwards the store answers everything and has costs to tell."""
    grid = ("method=grid", "parameters.x={values: [1, 2, 3, 4]}")
    before = project.run("plan", "sweep.yaml", *grid, "--json").json
    assert (before["size"], before["trials"], before["known"]) == (4, 4, 0)
    assert before["forecast"] is None
    assert "no records of this objective yet" in project.run("plan", "sweep.yaml", *grid).out
    project.run("run", "sweep.yaml", "--local", *grid)
    after = project.run("plan", "sweep.yaml", *grid, "--json").json
    assert (after["looked_at"], after["known"]) == (4, 4)
    assert after["forecast"]["records"] == 4
    text = project.run("plan", "sweep.yaml", *grid).out
    assert "the store answers 4 of 4 trials now" in text
    assert "nothing has to be trained" in text
    further = project.run("plan", "sweep.yaml", "budget.trials=100", "--json").json
    assert further["forecast"]["time_s"]["high"] >= further["forecast"]["time_s"]["value"] > 0


def test_plan_names_the_rungs(project: Project) -> None:
    """The rungs of early stopping come with the trials that are expected at each."""
    rule = "early_terminate={type: hyperband, min_iter: 1, eta: 2}"
    document = project.run("plan", "sweep.yaml", rule, "budget.trials=8", "--json").json
    assert (document["early_terminate"], document["eta"]) == ("hyperband", 2)
    assert document["rungs"] == [
        {"step": step, "expected_trials": trials} for step, trials in [(1, 8), (2, 4), (4, 2)]
    ]


def test_plan_looks_into_the_store_that_is_named(project: Project) -> None:
    """``--store`` wins over the usual one."""
    project.run("run", "sweep.yaml", "--local")
    other = f"sqlite:///{project.state}/other.db"
    assert project.run("plan", "sweep.yaml", "--json").json["known"] == 4
    assert project.run("plan", "sweep.yaml", "--json", "--store", other).json["known"] == 0


def test_samples_are_nested_as_a_program_gets_them(project: Project) -> None:
    """``--sample --json`` prints exactly one key; without it lines of YAML."""
    project.write("sweep.yaml", NESTED)
    document = project.run("plan", "sweep.yaml", "--sample", "5", "--json").json
    assert list(document) == ["samples"]
    assert len(document["samples"]) == 5
    assert all(sample["net"]["x"] in (1, 2) for sample in document["samples"])
    text = project.run("plan", "sweep.yaml", "--sample", "5").out
    assert yaml.safe_load(text) == document["samples"]
    assert project.run("plan", "sweep.yaml", "--sample", "0").code == 2


def test_schema_is_one_that_the_file_meets(project: Project) -> None:
    """The schema is indented JSON, valid itself, and takes a valid sweep file."""
    done = project.run("schema")
    assert done.code == 0
    schema = json.loads(done.out)
    assert len(done.out.splitlines()) > 100
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    assert list(validator.iter_errors(yaml.safe_load(SWEEP))) == []
    assert list(validator.iter_errors({"method": 3})) != []


@pytest.mark.parametrize(
    ("typed", "verb"),
    [
        (("sweep", "config.yaml"), "sweeper run FILE"),
        (("agent", "me/project/ab12cd34"), "sweeper run FILE"),
        (("pause", "ab12cd34"), "sweeper stop SWEEP"),
        (("resume", "ab12cd34"), "sweeper run FILE"),
        (("cancel", "ab12cd34"), "Ctrl-C"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_habits_from_wandb_are_answered(
    project: Project, typed: tuple[str, ...], verb: str
) -> None:
    """A verb of W&B is no command here; the error names the one that does it."""
    done = project.run(*typed)
    assert done.code == 2
    assert f"No such command '{typed[0]}'" in done.err
    assert verb in done.err


def test_help_names_the_verbs(project: Project) -> None:
    """``--help`` lists what can be asked before a run."""
    text = project.run("--help").out
    for verb in ("check", "plan", "run", "ls", "show", "stop", "schema"):
        assert f"\n  {verb} " in text
    assert max(len(line) for line in text.splitlines()) <= 100
