"""The protocol on the compiled fake library, with the real agent; and it can fail."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sweeper.testing.fake_nvml import build

ROOT = Path(__file__).parents[2]

# Modules that must not be needed where only PyTorch or CuPy and nvidia-ml-py are installed.
FORBIDDEN = ("psutil", "ray", "click", "pydantic", "rich", "optuna", "sqlalchemy", "yaml", "numpy")
WITHOUT = f"""
import sys

class Forbid:
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in {FORBIDDEN!r}:
            raise ImportError(name + " is not installed here")

sys.meta_path.insert(0, Forbid())
from sweeper.energy.validation.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the library; without a C compiler the tests fail, they are not skipped."""
    return build(tmp_path_factory.mktemp("nvml")).parent


def python(library: Path, arguments: list[str], **how: str) -> subprocess.CompletedProcess[str]:
    """Run Python where the loader looks for NVML in this folder first."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FAKE_NVML_")}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**kept, "LD_LIBRARY_PATH": str(library), **how},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def protocol(library: Path, which: str, folder: Path, **how: str) -> dict[str, dict[str, Any]]:
    """Run one half of the protocol and return its findings by id."""
    done = python(library, ["-m", "tests.energy.validation_on_fake", which, str(folder)], **how)
    assert done.returncode == 0, done.stderr
    return {finding["id"]: finding for finding in json.loads(done.stdout)}


def test_a_good_board_passes_everything(library: Path, tmp_path: Path) -> None:
    """V0 to V6 in virtual time, on unmodified pynvml and the product's own agent."""
    found = protocol(library, "virtual", tmp_path)
    assert {number: each["passed"] for number, each in found.items()} == {
        f"V{number}": True for number in range(7)
    }, found
    assert found["V6"]["figures"]["closure %"] < 0.1


def test_kills_are_survived_and_metering_is_timed(library: Path, tmp_path: Path) -> None:
    """V7 and V8 in real time: processes that are really killed, and an agent's real CPU time."""
    found = protocol(library, "real", tmp_path)
    assert found["V8"]["passed"], found["V8"]
    assert found["V8"]["figures"]["killed worker kept J"] > 0
    # How little it is depends on this machine; that it was measured does not.
    assert 0 < found["V7"]["figures"]["1 Hz: agent % of a core"] < 100


def test_a_counter_with_a_gain_fails(library: Path, tmp_path: Path) -> None:
    """The validation can fail: counter and power disagree at rest, in waves and under load."""
    found = protocol(library, "virtual", tmp_path, FAKE_NVML_COUNTER_GAIN="1.3")
    assert [found[number]["passed"] for number in ("V1", "V2", "V3")] == [False] * 3


def test_it_runs_where_nothing_else_is_installed(library: Path, tmp_path: Path) -> None:
    """No psutil, ray, click, pydantic or rich: the board is described, V2 says what is missing."""
    output = tmp_path / "findings.json"
    arguments = ["--quick", "--only", "V2", "--load", "cupy", "--output", str(output)]
    done = python(library, ["-c", WITHOUT, *arguments])
    assert done.returncode == 1, done.stderr
    assert "V2  skipped" in done.stdout, done.stdout + done.stderr
    assert "nothing keeps the GPU busy" in done.stdout
    assert "±5 %" in done.stdout
    found = json.loads(output.read_text())
    assert [finding["id"] for finding in found["findings"]] == ["V2"]
    assert found["facts"]["driver"] == "fake"
