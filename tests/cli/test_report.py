"""``sweeper report``: what a sweep emitted, as other people's pages want it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.cli.project import SWEEP, Project


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project whose sweep has run, on CPUs."""
    folder = tmp_path_factory.mktemp("swept")
    made = Project(folder / "project", folder / "state")
    made.write("train.py", "def train(params):\n    yield 1, {'loss': params['x'] ** 2}\n")
    made.write("sweep.yaml", f"{SWEEP}energy: {{region: FRA}}\nresources: {{gpus: 0}}\n")
    done = made.run("run", "sweep.yaml", "--local", "--json")
    assert done.code == 0, done.err
    assert done.json["co2e_g"] > 0
    return made


def test_a_model_card(swept: Project) -> None:
    """Standard output is YAML with the grams of the sweep's own summary."""
    done = swept.run("report", "last", "--format", "model-card", "--training-type", "fine-tuning")
    assert done.code == 0, done.err
    block = yaml.safe_load(done.out)["co2_eq_emissions"]
    grams = swept.run("show", "last", "--json").json["co2e_g"]
    assert block["emissions"] == pytest.approx(grams, rel=1e-3)
    assert block["training_type"] == "fine-tuning"
    assert block["geographical_location"] == "France"
    assert block["hardware_used"]
    assert "France (FRA), 2023, lifecycle" in block["source"]
    assert done.out.splitlines()[-1].startswith("# best trial: ")


def test_a_card_in_a_file(swept: Project) -> None:
    """With -o nothing is printed, and the file has the same text."""
    printed = swept.run("report", "last", "--format", "model-card").out
    done = swept.run("report", "last", "--format", "model-card", "-o", "card.yaml")
    assert (done.code, done.out) == (0, "")
    assert (swept.folder / "card.yaml").read_text(encoding="utf-8") == printed


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        pytest.param(["nosuch", "--format", "model-card"], 1, "nosuch", id="no-such-sweep"),
        pytest.param(["last", "--format", "pdf"], 2, "model-card", id="unknown-format"),
        pytest.param(
            ["last", "--format", "model-card", "-o", "no/such/folder"],
            1,
            "no/such/folder: cannot be written: No such file or directory",
            id="unwritable",
        ),
    ],
)
def test_what_cannot_be_reported_is_said(
    swept: Project, args: list[str], code: int, told: str
) -> None:
    """A readable error, the right exit code, and nothing on standard output."""
    done = swept.run("report", *args)
    assert (done.code, done.out) == (code, "")
    assert told in done.err


def test_a_mix_that_cannot_be_weighed_is_refused(tmp_path: Path) -> None:
    """A source of generation without a factor is an error at its key, before anything runs."""
    made = Project(tmp_path / "project", tmp_path / "state")
    made.write("train.py", "def train(params):\n    yield 1, {'loss': 0.0}\n")
    made.write("sweep.yaml", f"{SWEEP}energy:\n  mix: {{coal: 0.5, biomass: 0.5}}\n")
    done = made.run("check", "sweep.yaml")
    assert done.code == 2
    assert "energy.mix: no carbon intensity is known for biomass" in done.err


def test_the_page_by_the_ending_of_the_file(swept: Project) -> None:
    """-o report.html makes the page, .md Markdown, .json what `show --json` prints."""
    for name in ("report.html", "report.md", "report.json"):
        done = swept.run("report", "last", "-o", name)
        assert (done.code, done.out) == (0, ""), done.err
    page = (swept.folder / "report.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "plot-best" in page
    assert "loss" in (swept.folder / "report.md").read_text(encoding="utf-8")
    shown = swept.run("show", "last", "--json").json
    assert json.loads((swept.folder / "report.json").read_text(encoding="utf-8")) == shown


def test_the_page_through_a_pipe(swept: Project) -> None:
    """Without -o the page goes to standard output, where that is no terminal."""
    done = swept.run("report", "last", "--format", "html")
    assert done.code == 0, done.err
    assert done.out.startswith("<!doctype html>")
