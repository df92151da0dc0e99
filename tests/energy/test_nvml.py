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


def test_nvml_holds_its_cases_on_the_fake_library(fake_library: Path) -> None:
    """All of on_fake_*.py passes with unmodified pynvml in a process that loads the fake."""
    cases = [str(Path(__file__).with_name(f"on_fake_{what}.py")) for what in ("nvml", "board")]
    ran = run(
        ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "addopts=", *cases], fake_library
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert " passed" in ran.stdout
    assert "skipped" not in ran.stdout


WHAT_IS_LEFT = """
from sweeper.energy.nvml import Nvml
from sweeper.energy.sources import SourceSettings, open_source

board = Nvml().boards()[0]
warm = board.temperature_c() is not None
print(board.scope, open_source(board, SourceSettings(), 0.0).label, warm)
"""


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        (["nvmlDeviceGetFieldValues"], "gpu measured:counter True"),
        (
            ["nvmlDeviceGetFieldValues", "nvmlDeviceGetTotalEnergyConsumption"],
            "gpu measured:power_legacy True",
        ),
        (["nvmlDeviceGetTemperature"], "gpu measured:counter False"),
    ],
    ids=["fields", "fields and counter", "temperature"],
)
def test_a_call_that_the_library_does_not_have_is_a_reading_less(
    tmp_path: Path, missing: list[str], said: str
) -> None:
    """An older driver lacks symbols: what is left is used."""
    ran = run(["-c", WHAT_IS_LEFT], build(tmp_path, without=missing).parent)
    assert (ran.stdout.strip(), ran.returncode) == (said, 0), ran.stderr


def test_importing_needs_no_driver(tmp_path: Path) -> None:
    """The library is opened when it is first asked, and never when a module is loaded."""
    (tmp_path / "libnvidia-ml.so.1").touch()
    script = "from sweeper.energy.nvml import Nvml; n = Nvml(); print(n.count(), n.boards())"
    ran = run(["-c", script], tmp_path)
    assert ran.stdout == "0 ()\n", ran.stderr


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
