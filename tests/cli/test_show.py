"""``sweeper show`` and ``ls``: which trials and sweeps are listed, and what is said of them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.project import Project

TRAIN = """
def train(params, trial):
    if params["kind"] == "bad":
        raise RuntimeError("no such kind")
    for step in range(1, 3 if params["kind"] == "short" else 6):
        trial.report(step, loss=params["x"] + 1 / step, energy_j=params["x"] * step)
"""
SWEEP = """
name: parabola
objective: train.py:train
method: grid
metric: {name: loss, goal: minimize}
parameters:
  kind: {values: [bad, fine, short]}
  x: {values: [3.0, 1.0, 2.0]}
resources: {gpus: 0}
"""


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project with a sweep of nine trials, three of which failed, and a front."""
    folder = tmp_path_factory.mktemp("swept")
    made = Project(folder / "project", folder / "state")
    made.write("train.py", TRAIN)
    made.write("sweep.yaml", SWEEP)
    assert made.run("run", "sweep.yaml", "--local").code == 0
    two = "metrics=[{name: loss, goal: minimize}, {name: energy_j, goal: minimize}]"
    done = made.run("run", "sweep.yaml", "--local", "metric=null", two, "name=front")
    assert done.code == 0, done.err
    return made


def handle(swept: Project, name: str) -> str:
    """Return the handle of a sweep."""
    (row,) = (it for it in swept.run("ls", "--json").json if it["sweep"].startswith(f"{name}-"))
    return str(row["sweep"])


def numbers(swept: Project, *args: str) -> list[int]:
    """Return the trials that a page lists, in its order; as JSON they are the same ones."""
    sweep = handle(swept, "parabola")
    listed = swept.run("show", sweep, *args, "--json").json["trial_list"]
    page = swept.run("show", sweep, *args).out
    rows = page.rpartition("\ntrial ")[2].splitlines()[1:]
    shown = [int(row.split()[0]) for row in rows if row.split()[0].isdecimal()]
    assert [trial["number"] for trial in listed] == shown
    return shown


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ((), [0, 1, 2, 3, 4, 5, 6, 7, 8]),
        (("--failed",), [0, 1, 2]),
        (("--best",), [4]),
        (("--sort", "value"), [4, 7, 5, 8, 3, 6, 0, 1, 2]),
        (("--sort", "energy", "-n", "4"), [3, 5, 6, 4]),
        (("--failed", "-n", "1"), [0]),
    ],
)
def test_trials_are_chosen_and_sorted(
    swept: Project, args: tuple[str, ...], expected: list[int]
) -> None:
    """Failed ones, the best, by value or cost; what is unknown comes last."""
    assert numbers(swept, *args) == expected


def test_the_longest_come_first(swept: Project) -> None:
    """By time, as the table shows it."""
    sweep = handle(swept, "parabola")
    listed = swept.run("show", sweep, "--sort", "time", "--json").json["trial_list"]
    times = [trial["elapsed_s"] for trial in listed if trial["elapsed_s"] is not None]
    assert times == sorted(times, reverse=True)


def test_what_is_left_out_is_counted(swept: Project) -> None:
    """A short list says how many more there are; an empty one that there are none."""
    sweep = handle(swept, "parabola")
    assert "and 2 more failed trials\n" in swept.run("show", sweep, "--failed", "-n", "1").out
    assert "and 8 more trials\n" in swept.run("show", sweep, "-n", "1").out
    assert "and 1 more trial\n" in swept.run("show", sweep, "-n", "8").out


def test_the_best_trial_has_files_and_a_page(swept: Project) -> None:
    """The folder is there, on this host, and SWEEP/best is its page."""
    sweep = handle(swept, "parabola")
    document = swept.run("show", sweep, "--json").json
    files = document["best_files"]
    assert files["trial"] == f"{sweep}/4"
    folder = swept.state / "sweeper" / files["folder"]
    assert (folder / "params.json").is_file()
    page = swept.run("show", sweep).out
    assert f"files     trial 4: {folder} on {files['host']}\n" in page
    assert f"again     sweeper retrain {sweep}/4\n" in page
    assert swept.run("show", f"{sweep}/best").out == swept.run("show", f"{sweep}/4").out
    assert swept.run("show", f"{sweep}/best", "--json").json["number"] == 4


def test_a_front_has_no_one_best_trial(swept: Project) -> None:
    """--best lists the front; SWEEP/best says why there is none."""
    sweep = handle(swept, "front")
    document = swept.run("show", sweep, "--best", "--json").json
    front = [it["number"] for it in document["front"]]
    assert [it["number"] for it in document["trial_list"]] == front
    assert document["best_files"] is None
    refused = swept.run("show", f"{sweep}/best")
    assert (refused.code, refused.out) == (1, "")
    assert "several objectives, and so a front" in refused.err


def test_another_store_is_in_the_line(swept: Project) -> None:
    """What is read from a store with --store is trained again into it."""
    url = f"sqlite:///{swept.state}/sweeper/store.db"
    sweep = handle(swept, "parabola")
    page = swept.run("show", sweep, "--store", url).out
    assert f"again     sweeper retrain {sweep}/4 --store {url}\n" in page


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("last/0", "--failed"), "are for the list of a sweep"),
        (("last", "--sort", "loss"), "energy"),
        (("last", "-n", "0"), "-n"),
        (("last/first",), "must be a number or best"),
    ],
)
def test_wrong_usage(swept: Project, args: tuple[str, ...], told: str) -> None:
    """Exit code 2, and what is allowed."""
    done = swept.run("show", *args)
    assert (done.code, done.out) == (2, "")
    assert told in done.err


def test_a_list_has_the_figures_of_show(swept: Project) -> None:
    """Best value, front, joules, cause and time are those that ``show --json`` has."""
    rows: Any = swept.run("ls", "--json").json
    assert [row["sweep"].partition("-")[0] for row in rows] == ["front", "parabola"]
    for row in rows:
        document = swept.run("show", row["sweep"], "--json").json
        best = document["best"]
        expected = best and {"number": best["number"], "value": best["metrics"]["loss"]}
        assert row["best"] == expected
        assert row["front"] == (len(document["front"]) if "front" in document else None)
        assert row["spent_j"] == document["energy"]["spent_j"]
        assert row["spent_missing"] == document["energy"]["missing"]
        assert row["elapsed_s"] == document["elapsed_s"]
        assert row["stopped_by"] == document["stopped_by"] == "space"
        assert (row["method"], row["settled"]) == ("grid", 9)


@pytest.mark.parametrize(
    ("args", "names"),
    [
        (("-n", "1"), ["front"]),
        (("--name", "para*"), ["parabola"]),
        (("--name", "nothing*"), []),
        (("--state", "complete"), ["front", "parabola"]),
        (("--state", "running", "--state", "failed"), []),
        (("--all", "--state", "complete", "--name", "f*"), ["front"]),
    ],
)
def test_a_list_is_narrowed(swept: Project, args: tuple[str, ...], names: list[str]) -> None:
    """By number, name and state."""
    rows = swept.run("ls", *args, "--json").json
    assert [row["sweep"].partition("-")[0] for row in rows] == names
    page = swept.run("ls", *args)
    assert page.code == 0
    assert [line.partition("-")[0] for line in page.out.splitlines()[1:]] == names
    assert ("no such sweeps" in page.err) == (not names)
