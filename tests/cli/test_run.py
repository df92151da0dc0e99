"""``sweeper run`` in a process of its own, trained in that process."""

from __future__ import annotations

import getpass
import subprocess
import time
from typing import Any

import pytest

from tests.cli.project import SWEEP, Project


def trained(result: Any) -> int:
    """Return how many trials were trained."""
    return int(result["trials"]["trained"])


def test_the_result_is_one_line_of_json_with_the_documented_keys(project: Project) -> None:
    """Progress goes to standard error; standard output is one object."""
    done = project.run("run", "sweep.yaml", "--local", "--json")
    assert done.code == 0
    assert len(done.out.splitlines()) == 1
    result = done.json
    documented = ["sweep", "state", "stopped_by", "trials", "best", "energy", "co2e_g", "cost",
                  "currency", "elapsed_s", "ray_started"]  # fmt: skip
    assert [key for key in result if key in documented] == documented
    assert (result["state"], result["stopped_by"]) == ("complete", "budget.trials")
    counts = result["trials"]
    assert counts["asked"] == 4 == counts["trained"]
    assert counts["complete"] + counts["pruned"] + counts["failed"] == 4
    assert set(result["best"]) == {"number", "params", "metrics", "step", "from_cache",
                                   "producer"}  # fmt: skip
    energy = result["energy"]
    assert energy["spent_j"] > 0
    assert energy["source"] in ("estimated:cpu_load", "measured:rapl")
    assert energy["scope"] == "cpu"
    assert result["co2e_g"] == pytest.approx(energy["spent_j"] / 3.6e6 * 481)
    assert result["cost"] is None, "no price was given: unknown, not 0"
    assert result["ray_started"] is False
    assert "trial 3 complete" in done.err


def test_without_json_a_person_can_read_the_result(project: Project) -> None:
    """The summary names the best params, the counts, the energy with its source, what is next."""
    done = project.run("run", "sweep.yaml", "--local", "energy.price_per_kwh=0.2")
    assert done.code == 0
    for words in ("best", "x = ", "4 asked = 4 trained", "estimated:cpu_load", "USD",
                  "world average", "sweeper show parabola-"):  # fmt: skip
        assert words in done.out
    assert "\x1b" not in done.out + done.err, "no colours in a pipe"


def test_the_same_command_prints_a_finished_sweep_again(project: Project) -> None:
    """Nothing is asked and nothing trained; the figures are the same."""
    first = project.run("run", "sweep.yaml", "--local", "--json").json
    again = project.run("run", "sweep.yaml", "--local", "--json").json
    for key in ("uid", "trials", "best", "energy"):
        assert again[key] == first[key]


def test_a_fresh_sweep_is_answered_by_the_store(project: Project) -> None:
    """Nothing trained, nothing spent, the same best, marked as from the store."""
    cold = project.run("run", "sweep.yaml", "--local", "--json").json
    warm = project.run("run", "sweep.yaml", "--local", "--fresh", "--json").json
    assert warm["uid"] != cold["uid"]
    assert trained(warm) == 0
    assert warm["trials"]["cached"] == 4
    assert warm["energy"]["spent_j"] == 0
    trained_j = cold["energy"]["spent_j"] - cold["energy"]["overhead_j"]
    assert warm["energy"]["avoided_cache_j"] == pytest.approx(trained_j)
    assert warm["best"] == {**cold["best"], "from_cache": True, "producer": getpass.getuser()}


@pytest.mark.parametrize(
    ("name", "text", "count"),
    [
        ("train.py", "\n# a comment\n", 4),
        ("helper.py", "\nUNUSED = 1\n", 4),
        ("other.py", "import nothing_at_all\n", 0),
        ("notes.txt", "try smaller x", 0),
    ],
    ids=["objective", "imported", "not-imported", "no-code"],
)
def test_changed_code_is_trained_again(project: Project, name: str, text: str, count: int) -> None:
    """A line in a file that the objective uses is a new question; elsewhere it is not."""
    project.run("run", "sweep.yaml", "--local", "--json")
    file = project.folder / name
    before = file.read_text() if file.exists() else ""
    project.write(name, before + text)
    assert trained(project.run("run", "sweep.yaml", "--local", "--fresh", "--json").json) == count


@pytest.mark.parametrize(
    ("override", "count"),
    [
        ("max_steps=4", 4),
        ("trial.seed=1", 4),
        ("cache.salt=again", 4),
        ("cache.namespace=mine", 4),
        ("name=another", 0),
        ("budget.trials=3", 0),
        ("energy.region=FRA", 0),
        ("early_terminate={type: median, warmup_trials: 0}", 0),
        ("metric.goal=maximize", 0),
    ],
)
def test_what_decides_the_result_is_in_the_key(project: Project, override: str, count: int) -> None:
    """The horizon and the seed make another question; how it is searched and told does not."""
    project.run("run", "sweep.yaml", "--local", "--json")
    again = project.run("run", "sweep.yaml", "--local", "--fresh", "--json", override)
    assert trained(again.json) == count


def test_a_raised_budget_goes_on(project: Project) -> None:
    """The same sweep with more trials trains only the further ones."""
    first = project.run("run", "sweep.yaml", "--local", "--json").json
    second = project.run("run", "sweep.yaml", "--local", "--json", "budget.trials=6").json
    assert second["uid"] == first["uid"]
    assert second["trials"]["trained"] == 6


@pytest.mark.parametrize(("mode", "stored"), [("ro", 0), ("off", 0), ("rw", 4)])
def test_cache_modes(project: Project, mode: str, stored: int) -> None:
    """``ro`` and ``off`` add nothing to the store; ``off`` is not answered either."""
    project.run("run", "sweep.yaml", "--local", "--json", "--cache", mode)
    again = project.run("run", "sweep.yaml", "--local", "--fresh", "--json").json
    assert again["trials"]["cached"] == stored
    unanswered = project.run("run", "sweep.yaml", "--local", "--fresh", "--json", "--cache", "off")
    assert trained(unanswered.json) == 4


def test_code_that_changes_under_a_sweep_taints_its_results(project: Project) -> None:
    """What was trained from files that changed meanwhile is not served to anybody."""
    project.write(
        "train.py",
        "import pathlib\n"
        "def train(params):\n"
        "    with pathlib.Path(__file__).open('a') as file:\n"
        "        file.write(chr(35) + 'more\\n')\n"
        "    yield 1, {'loss': params['x']}\n",
    )
    project.run("run", "sweep.yaml", "--local", "--json")
    project.write("train.py", (project.folder / "train.py").read_text().split("#more")[0])
    assert trained(project.run("run", "sweep.yaml", "--local", "--fresh", "--json").json) == 4


@pytest.mark.parametrize(
    "how",
    [
        "tricks = importlib.import_module('tricks')",
        "import importlib.util as u\n"
        "spec = u.spec_from_file_location('t', Path(__file__).parent / 'lib' / 'tricks.py')\n"
        "tricks = u.module_from_spec(spec)\nspec.loader.exec_module(tricks)",
        "import runpy, types\n"
        "tricks = types.SimpleNamespace(**runpy.run_path(Path(__file__).parent / 'lib/tricks.py'))",
    ],
    ids=["computed", "from-file", "run-path"],
)
@pytest.mark.parametrize(
    ("overrides", "count"),
    [((), 4), (("cache.code.include=[lib/*.py]",), 0), (("cache.code.exclude=[lib/*.py]",), 0)],
    ids=["plain", "included", "excluded"],
)
def test_an_import_that_cannot_be_read_off_is_seen_afterwards(
    project: Project, how: str, overrides: tuple[str, ...], count: int
) -> None:
    """Code that extends sys.path gives no false answers; the note names the file and the mend."""
    project.write("lib/tricks.py", "OFFSET = 1.0\n")
    project.write(
        "train.py",
        "import importlib, sys\n"
        "from pathlib import Path\n"
        "sys.path.append(str(Path(__file__).parent / 'lib'))\n"
        f"{how}\n"
        "def train(params):\n"
        "    yield 1, {'loss': params['x'] + tricks.OFFSET}\n",
    )
    first = project.run("run", "sweep.yaml", "--local", "--json", *overrides)
    told = "lib/tricks.py was imported but is not in the key; add it to cache.code.include"
    assert (told in first.err) is (not overrides)
    again = project.run("run", "sweep.yaml", "--local", "--fresh", "--json", *overrides)
    assert trained(again.json) == count


def test_secrets_are_not_stored(project: Project) -> None:
    """A parameter that looks like a secret makes the trial uncacheable, and says so."""
    project.write(
        "sweep.yaml", SWEEP.replace("parameters:", "parameters:\n  api_key: {value: abc}")
    )
    project.run("run", "sweep.yaml", "--local", "--json")
    again = project.run("run", "sweep.yaml", "--local", "--fresh", "--json")
    assert trained(again.json) == 4


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["gone.yaml"], "gone.yaml: there is no such file"),
        (["empty.yaml"], "empty.yaml:1: is empty"),
        (["syntax.yaml"], "syntax.yaml:2: "),
        (["unknown.yaml"], "unknown.yaml:3: metod: is not a key of a sweep file; did you mean"),
        (["sweep.yaml", "objective=gone.py:train"], "objective: there is no file gone.py in"),
        (["sweep.yaml", "objective=train.py:fit"], "has no function 'fit'; it defines: train"),
        (["sweep.yaml", "energy.region=Atlantis"], "energy.region: unknown region 'Atlantis'"),
        (["sweep.yaml", "resources.gpus=1"], "has no NVIDIA GPU that NVML can see; set gpus: 0"),
        (["sweep.yaml", "early_terminate={type: asha, eta: 2.5}"], "whole number for asha, got 2"),
        (["sweep.yaml", "budget.cost=1"], "energy.price_per_kwh: is needed: budget.cost is money"),
        (["sweep.yaml", "constraints=[cost <= 1]"], "energy.price_per_kwh: is needed: the metric"),
        (["sweep.yaml", "nonsense"], "nonsense"),
    ],
    ids=["missing", "empty", "syntax", "unknown-key", "no-file", "no-function", "region", "gpu",
         "eta", "price-of-budget", "price-of-metric", "override"],
)  # fmt: skip
def test_what_is_wrong_is_told_in_one_line(
    project: Project, args: list[str], expected: str
) -> None:
    """File, line, key, rule and mend; exit code 2; nothing was run."""
    project.write("empty.yaml", "")
    project.write("syntax.yaml", "name: x\nparameters: {x: [1, 2}\n")
    project.write("unknown.yaml", SWEEP.replace("\nname: parabola", "").replace("method", "metod"))
    done = project.run("run", *args)
    assert done.code == 2
    assert expected in done.err
    assert done.err.startswith("error: ")
    assert done.out == ""
    assert project.run("ls", "--json").json == []


def test_an_objective_that_cannot_be_imported_is_told(project: Project) -> None:
    """The file and the reason are named; the traceback is in the log, and with --debug here."""
    project.write("train.py", "import no_such_package\ndef train(params): ...\n")
    done = project.run("run", "sweep.yaml", "--local")
    assert done.code == 1
    last = done.err.strip().splitlines()[-1]
    assert last.startswith("error: objective train.py:train: importing train.py failed: ")
    assert "no_such_package" in last
    assert done.out == ""


def test_a_failing_objective_is_a_failed_sweep(project: Project) -> None:
    """Exit code 1; the result and the cause are told."""
    project.write("train.py", "def train(params): raise RuntimeError('no data here')\n")
    done = project.run("run", "sweep.yaml", "--local", "--json")
    assert done.code == 1
    assert (done.json["state"], done.json["stopped_by"]) == ("failed", "failures")
    shown = project.run("show", "last/0")
    assert "RuntimeError: no data here" in shown.out
    assert "error.txt" in shown.out


def test_an_endless_sweep_says_so_first(project: Project) -> None:
    """Without a budget and with an endless space, a person is told how it will end."""
    project.write("sweep.yaml", SWEEP.replace("budget: {trials: 4}", ""))
    done = project.run("run", "sweep.yaml", "--local", "--json", "metric.target=0.4")
    assert done.code == 0
    assert done.json["stopped_by"] == "target"
    assert "runs until it is stopped" in done.err


def test_a_finite_space_ends_by_itself(project: Project) -> None:
    """Without a budget, a grid of six points is six trials."""
    done = project.run(
        "run", "sweep.yaml", "--local", "--json", "method=grid", "budget.trials=null",
        "parameters.x={values: [1, 2, 3, 4, 5, 6]}",
    )  # fmt: skip
    assert done.json["stopped_by"] == "space"
    assert trained(done.json) == 6


def test_two_drivers_of_one_sweep_are_refused(project: Project) -> None:
    """The second one is told who runs it."""
    project.write(
        "train.py",
        "import time\ndef train(params):\n    yield 1, {'loss': 1.0}\n    time.sleep(60)\n",
    )
    first = subprocess.Popen(
        project.command("run", "sweep.yaml", "--local"),
        cwd=project.folder, env=project.env, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(100):
            if project.run("ls", "--json").json:
                break
            time.sleep(0.1)
        second = project.run("run", "sweep.yaml", "--local")
    finally:
        first.kill()
        first.wait()
    assert second.code == 1
    assert str(first.pid) in second.err


def test_what_is_shown_is_what_was_run(project: Project) -> None:
    """``ls`` and ``show`` read the same figures from the ledger."""
    result = project.run("run", "sweep.yaml", "--local", "--json").json
    listed = project.run("ls", "--json").json
    assert [row["sweep"] for row in listed] == [result["sweep"]]
    shown = project.run("show", result["sweep"], "--json").json
    assert shown["energy"] == result["energy"]
    assert shown["best"] == result["best"]
    page = project.run("show", "last")
    assert f"{result['best']['metrics']['loss']:.4g}"[:5] in page.out
    trial = project.run("show", "last/2", "--json").json
    assert trial["number"] == 2
    assert project.run("show", "last/99").code == 1
    assert project.run("show", "last/x").code == 2
    assert "did you mean" in project.run("show", "parabola-0000").err


def test_the_driver_draws_no_numbers_from_the_objectives_generator(project: Project) -> None:
    """In the same process, heartbeats in between leave the objective's random numbers alone."""
    project.write(
        "train.py",
        "import random, time\n"
        "def train(params):\n"
        "    for step in range(1, 30):\n"
        "        time.sleep(0.01)\n"
        "        yield step, {'loss': random.random()}\n",
    )
    curves = []
    for ttl_s in ("120", "0.06"):
        store = f"sqlite:///{project.state}/{ttl_s}.db"
        env = {**project.env, "SWEEPER_LEASE_TTL_S": ttl_s}
        args = ("run", "sweep.yaml", "--local", "--store", store, "budget.trials=1", "max_steps=30")
        subprocess.run(
            project.command(*args), cwd=project.folder, env=env, check=True, capture_output=True
        )
        shown = project.run("show", "last/0", "--json", "--store", store).json
        curves.append([point["metrics"] for point in shown["curve"]])
    assert curves[0] == curves[1]
    assert len(curves[0]) == 29
