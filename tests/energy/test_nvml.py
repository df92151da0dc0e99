from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sweeper.testing.fake_nvml import build

ROOT = Path(__file__).parents[2]

ONE_TRIAL = """
import logging
from sweeper.energy.meter import MeterSettings, build_meter

logging.basicConfig(format="%(levelname)s %(name)s %(message)s", level=logging.WARNING)
meter = build_meter(MeterSettings())
meter.begin(["0"], 1.0)
for _ in range(2):
    meter.open()
    meter.read()
    energy = meter.close()
print(energy.total_j, energy.source, energy.scope, *energy.flags, energy.cpu_source)
"""


def run(arguments: list[str], library_folder: Path) -> subprocess.CompletedProcess[str]:
    """Run Python where the loader looks for NVML in this folder first."""
    paths = [str(library_folder), os.environ.get("LD_LIBRARY_PATH", "")]
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, "LD_LIBRARY_PATH": os.pathsep.join(filter(None, paths))},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def fake_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the library; without a C compiler the tests fail, they are not skipped."""
    return build(tmp_path_factory.mktemp("nvml")).parent


def test_the_nvml_source_holds_its_cases_on_the_fake_library(fake_library: Path) -> None:
    """All of on_fake_nvml.py passes with unmodified pynvml in a process that loads the fake."""
    cases = str(Path(__file__).with_name("on_fake_nvml.py"))
    ran = run(
        ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", cases], fake_library
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert " passed" in ran.stdout
    assert "skipped" not in ran.stdout


def test_a_real_clock_runs_the_counter(fake_library: Path) -> None:
    """Without a clock file the fake GPU draws its power in real time."""
    ran = run(
        ["-c", ONE_TRIAL.replace("meter.read()", "import time; time.sleep(0.25)")], fake_library
    )
    total_j, source, scope, *_ = ran.stdout.split()
    assert 50.0 <= float(total_j) <= 3000.0  # 0.2 s at least, and up to 10 s on a busy machine
    assert (source, scope) == ("measured:counter", "gpu")


def test_without_the_library_energy_is_unavailable_with_one_warning(tmp_path: Path) -> None:
    """No driver: the trial goes on, its GPU's joules are unknown, and one line says why."""
    (
        tmp_path / "libnvidia-ml.so.1"
    ).touch()  # hides a real one: the loader takes the first it finds
    ran = run(["-c", ONE_TRIAL], tmp_path)
    assert ran.returncode == 0
    assert ran.stdout.startswith("None unavailable gpu nvml_unavailable ")
    warnings = ran.stderr.splitlines()
    assert len(warnings) == 1
    assert "GPUs 0 cannot be measured: NVML Shared Library Not Found" in warnings[0]
