"""The benchmark of energy to the target: on real recorded runs, where they are beside the project.

They are not part of the project, so that these tests skip in a plain checkout.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
DATA = BENCHMARKS.parents[1] / "shared" / "data" / "bench"

needs_data = pytest.mark.skipif(
    not (DATA / "load.py").exists(),
    reason=f"the recorded tuning runs are not at {DATA}; they are not part of this project",
)


def benchmark(results: Path, *arguments: str) -> tuple[list[dict[str, Any]], str, str]:
    """Run it; return all that it keeps, and what it printed."""
    done = subprocess.run(
        [
            sys.executable,
            str(BENCHMARKS / "energy_to_target.py"),
            *("--jobs", "1", "--workers", "1", "--results", str(results)),
            *arguments,
        ],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return _rows(results), done.stdout, done.stderr


def _rows(file: Path) -> list[dict[str, Any]]:
    rows = []
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except ValueError:
            assert line.startswith('{"benchmark"')  # torn by a test
    return rows


@needs_data
def test_published_runs_are_replayed_and_kept(tmp_path: Path) -> None:
    """On Zeus's runs TPE needs less than a shuffled grid, and stopping by cost still less.

    Medians of ten repetitions; the figures of forty, beside earlier ones, are in
    docs/benchmarks.md.
    """
    results = tmp_path / "results.jsonl"
    asked = ("--benchmarks", "zeus/cifar100@v100", "--seeds", "10", "--searches", "G2", "bayes")
    rows, printed, _ = benchmark(results, *asked)
    names = ("G2 shuffled grid", "sweeper bayes", "sweeper bayes, cost stop")
    share = {
        name: statistics.median(row["ratio"] for row in rows if row["search"] == name)
        for name in names
    }
    reached = {name: sum(row["reached"] for row in rows if row["search"] == name) for name in names}
    assert share["sweeper bayes, cost stop"] < share["sweeper bayes"] < share["G2 shuffled grid"]
    assert 0.1 < share["G2 shuffled grid"] < 0.9  # .5 in expectation: one point of the grid is it
    assert share["sweeper bayes"] < 0.4
    assert min(reached.values()) >= 8
    assert f"| zeus/cifar100@v100 | sweeper bayes | {share['sweeper bayes']:.3f} |" in printed
    # It goes on where it ended: a torn line is played again, nothing else.
    text = results.read_text(encoding="utf-8")
    results.write_text(text[:-20], encoding="utf-8")
    _, reprinted, progress = benchmark(results, *asked)
    assert "1 of 1 parts" in progress
    assert reprinted == printed


def test_without_the_runs_it_says_so(tmp_path: Path) -> None:
    """Where the recorded runs are missing the benchmark skips with the reason."""
    copied = tmp_path / "project" / "benchmarks"
    copied.mkdir(parents=True)
    for file in BENCHMARKS.glob("*.py"):
        (copied / file.name).write_bytes(file.read_bytes())
    done = subprocess.run(
        [sys.executable, str(copied / "energy_to_target.py")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0
    assert "skipped: no recorded runs at" in done.stderr
