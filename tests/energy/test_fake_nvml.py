from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sweeper.testing.fake_nvml import FakeGpus, build

ROOT = Path(__file__).parents[2]


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in an environment of its own."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the library; without a C compiler the tests fail, they are not skipped."""
    return build(tmp_path_factory.mktemp("nvml"))


def test_the_fake_library_holds_its_cases(library: Path) -> None:
    """All of on_fake_library.py passes with unmodified pynvml in a process that loads the fake."""
    cases = str(Path(__file__).with_name("on_fake_library.py"))
    options = ["-q", "-p", "no:cacheprovider", "-o", "addopts=", cases]
    ran = run({"LD_LIBRARY_PATH": str(library.parent)}, "-m", "pytest", *options)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert " passed" in ran.stdout
    assert "skipped" not in ran.stdout


MISSING = """
import pynvml
pynvml.nvmlInit()
handle = pynvml.nvmlDeviceGetHandleByIndex(0)
print(pynvml.nvmlDeviceGetPowerUsage(handle))
try:
    pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)
except pynvml.NVMLError_FunctionNotFound as error:
    print(error)
"""


def test_a_symbol_that_is_left_out_is_not_found(tmp_path: Path) -> None:
    """As with a driver that is older than the call; the others are there."""
    build(tmp_path, without=["nvmlDeviceGetTotalEnergyConsumption", "nvmlDeviceGetFieldValues"])
    ran = run({"LD_LIBRARY_PATH": str(tmp_path), "FAKE_NVML_WATTS": "75"}, "-c", MISSING)
    assert ran.stdout.splitlines() == ["75000", "Function Not Found"], ran.stderr


READ = """
import json, time, pynvml
pynvml.nvmlInit()
read = []
for gpu in range(pynvml.nvmlDeviceGetCount()):
    handle = pynvml.nvmlDeviceGetHandleByIndex(gpu)
    before_s = time.monotonic()
    counter_j = pynvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1e3
    read.append((pynvml.nvmlDeviceGetUUID(handle), before_s, counter_j, time.monotonic()))
print(json.dumps(read))
"""


def test_all_processes_of_a_machine_see_the_same_gpus(tmp_path: Path, library: Path) -> None:
    """Without a clock of their own they run on the machine's; what anybody draws is in it."""
    gpus = FakeGpus(tmp_path / "gpus", count=2, idle_w=50.0, library=library)
    begun_s = time.monotonic()
    assert begun_s <= gpus.now_s() <= time.monotonic()
    gpus.draw(1, 400.0)
    environment = gpus.environment(period_s=0.01)
    assert environment["LD_LIBRARY_PATH"].startswith(str(library.parent))
    read = json.loads(run(environment, "-c", READ).stdout)
    assert [uuid for uuid, *_ in read] == [FakeGpus.uuid(0), FakeGpus.uuid(1)]
    for gpu, (_, before_s, counter_j, after_s) in enumerate(read):
        least_j = gpus.energy_j(gpu, 0.0, before_s - 0.01)
        assert least_j - 0.001 <= counter_j <= gpus.energy_j(gpu, 0.0, after_s) + 0.001
    assert gpus.energy_j(1, begun_s - 1, begun_s) == pytest.approx(50.0)


def test_joules_are_exact_whoever_wrote_the_trace(tmp_path: Path, library: Path) -> None:
    """A load's own lines count, those of another GPU do not, and one without a GPU is of all."""
    gpus = FakeGpus(tmp_path, count=2, idle_w=50.0, now_s=0.0, library=library)
    gpus.draw(0, 100.0, at_s=10.0)
    with gpus.trace.open("a") as trace:
        trace.write("20 1 300\n30 0.0\n")
    assert gpus.energy_j(0, 0.0, 40.0) == 500.0 + 2000.0
    assert gpus.energy_j(1, 5.0, 40.0) == 750.0 + 3000.0
    assert gpus.energy_j(1, 25.0, 26.0) == 300.0


def test_time_that_is_set_by_hand_moves_only_by_hand(tmp_path: Path, library: Path) -> None:
    """And the machine's cannot be moved."""
    gpus = FakeGpus(tmp_path / "by hand", now_s=5.0, library=library)
    gpus.run_for(0.25)
    assert gpus.now_s() == 5.25
    with pytest.raises(ValueError, match="run on the machine's clock"):
        FakeGpus(tmp_path / "real", library=library).run_for(1.0)


@pytest.mark.parametrize("count", [-1, 17])
def test_more_gpus_than_there_are_is_an_error(tmp_path: Path, count: int) -> None:
    """The library has sixteen."""
    with pytest.raises(ValueError, match=f"0 to 16 GPUs, not {count}"):
        FakeGpus(tmp_path, count=count)
