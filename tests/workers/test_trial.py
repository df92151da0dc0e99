"""``sweeper.report``, ``params`` and ``measure``, inside and outside of a sweep."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import sweeper
from sweeper.model import Ended, Ending, StepReport
from sweeper.testing.pool_cases import order
from sweeper.trial import Trial
from sweeper.workers.worker import Worker
from tests.workers.objectives import setup_for
from tests.workers.programs import play, program

SCRIPT = """
import sweeper

params = sweeper.params(lr=0.5, opt={"a": 0, "c": 3})
for step in range(1, 4):
    sweeper.report(step, loss=params["lr"] + step, a=params["opt"]["a"], c=params["opt"]["c"])
print("done")
"""


def test_outside_of_a_sweep_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    """A report goes nowhere, and the params are the defaults."""
    monkeypatch.delenv("SWEEPER_CHANNEL", raising=False)
    monkeypatch.delenv("SWEEPER_PARAMS", raising=False)
    sweeper.report(1, loss=0.5)
    with sweeper.measure("inference"), sweeper.measure("inference"):
        pass
    assert sweeper.params(lr=0.1, opt={"a": 1}) == {"lr": 0.1, "opt": {"a": 1}}


def test_a_script_runs_alone(tmp_path: Path) -> None:
    """The same file without any sweep: to its end, with its own defaults."""
    file = tmp_path / "train.py"
    file.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, str(file)], capture_output=True, text=True, check=True, env={}
    )
    assert (done.stdout, done.stderr) == ("done\n", "")


def test_a_script_takes_part_in_a_sweep(tmp_path: Path) -> None:
    """Params are merged leaf by leaf over the defaults, reports arrive with their steps."""
    played = play(program(tmp_path, {"train.py": SCRIPT}), tmp_path)
    assert played.values == [
        (step, {"loss": 1e-4 + step, "a": 1.0, "c": 3.0}) for step in (1, 2, 3)
    ]
    assert played.log("stdout.log") == "done\n"


def test_a_function_may_use_both(tmp_path: Path) -> None:
    """Inside an objective they are the running trial's, from any of its threads."""
    source = (
        "import sweeper, threading\n"
        "def train(params):\n"
        "    def rest():\n"
        "        sweeper.report(2, loss=2.0)\n"
        "    sweeper.report(1, loss=sweeper.params(y=1)['x'] + sweeper.params(y=1)['y'])\n"
        "    thread = threading.Thread(target=rest)\n"
        "    thread.start()\n"
        "    thread.join()\n"
    )
    worker = Worker(setup_for(source, tmp_path / "code"))
    first = worker.start(order(tmp_path))
    assert isinstance(first, StepReport)
    assert (first.step, dict(first.metrics)) == (1, {"loss": 7.0})
    second = worker.go_on()
    assert isinstance(second, StepReport)
    assert second.step == 2
    ended = worker.go_on()
    assert isinstance(ended, Ended)
    assert ended.ending is Ending.RETURNED
    assert sweeper.params(x=1) == {"x": 1}, "the trial is over"


def test_a_generator_may_read_its_params(tmp_path: Path) -> None:
    """The generator style has the same params; stopping it forgets them."""
    source = "import sweeper\ndef train(params):\n    yield 1, {'loss': sweeper.params()['x']}\n"
    worker = Worker(setup_for(source, tmp_path / "code"))
    report = worker.start(order(tmp_path))
    assert isinstance(report, StepReport)
    assert report.metrics["loss"] == 6.0
    worker.stop()
    assert sweeper.params() == {}


def test_numbers_of_any_library_are_reported(tmp_path: Path) -> None:
    """NumPy's scalars are numbers and steps; what is no number is told as such."""
    source = (
        "import numpy, sweeper\n"
        "sweeper.report(numpy.int64(3), loss=numpy.float32(0.5), x=numpy.zeros(2), "
        "y=numpy.array(2), n=float('nan'))\n"
    )
    report = play(program(tmp_path, {"train.py": source}), tmp_path).reports[0]
    assert report.step == 3
    assert {k: v for k, v in report.metrics.items() if k != "n"} == {"loss": 0.5, "y": 2.0}
    assert report.metrics["n"] != report.metrics["n"]
    assert dict(report.unreadable) == {"x": "str '[0. 0.]'"}


def test_a_forked_process_has_a_line_of_its_own(tmp_path: Path) -> None:
    """A child that reports gets answers of its own, and is not counted beside its parent."""
    source = (
        "import multiprocessing, sweeper\n"
        "def rank():\n"
        "    for step in range(1, 4):\n"
        "        sweeper.report(step, loss=100.0)\n"
        "if __name__ == '__main__':\n"
        "    sweeper.report(1, loss=1.0)\n"
        "    child = multiprocessing.get_context('fork').Process(target=rank)\n"
        "    child.start()\n"
        "    child.join()\n"
        "    assert child.exitcode == 0\n"
        "    sweeper.report(2, loss=2.0)\n"
    )
    played = play(program(tmp_path, {"train.py": source}), tmp_path)
    assert played.ended.cause is None
    assert [report.metrics["loss"] for report in played.reports] == [1.0, 2.0]


def test_whoever_must_may_see_the_stop(tmp_path: Path) -> None:
    """``TrialStopped`` passes ``except Exception`` and can be seen by whoever must."""
    source = (
        "import sweeper\n"
        "try:\n"
        "    while True:\n"
        "        sweeper.report(1, loss=1.0)\n"
        "except sweeper.TrialStopped:\n"
        "    print('saw it')\n"
    )
    played = play(program(tmp_path, {"train.py": source}), tmp_path, stop_at=1)
    assert played.ended.ending is Ending.STOPPED
    assert played.log("stdout.log") == "saw it\n"


# --- regions ---

MEASURES = """
import sweeper

for step in (1, 2):
    with sweeper.measure("inference"):
        sweeper.report(step, loss=1.0)
try:
    with sweeper.measure("inference"), sweeper.measure("inference"):
        pass
except ValueError as error:
    print(error)
with sweeper.measure("failing"):
    raise OSError("no data")
"""


def test_regions_of_a_script_are_in_its_account(tmp_path: Path) -> None:
    """They go over the channel; one that is entered twice is told, one that fails is left."""
    played = play(program(tmp_path, {"train.py": MEASURES}), tmp_path)
    passages = {region.name: region.passages for region in played.ended.energy.regions}
    assert passages == {"inference": 3, "failing": 1}
    assert played.log("stdout.log") == ("error: measure('inference'): it is measured already\n")
    assert str(played.ended.cause) == "error: exit code 1: OSError: no data (train.py:13)"


def test_a_script_with_regions_runs_alone(tmp_path: Path) -> None:
    """Outside of a sweep measuring does nothing."""
    file = tmp_path / "train.py"
    file.write_text(MEASURES)
    done = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, env={})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith("OSError: no data\n")


def test_a_script_that_is_stopped_inside_a_region_ends_quietly(tmp_path: Path) -> None:
    """The region is closed at the end of the trial."""
    source = (
        "import sweeper\n"
        "with sweeper.measure('inference'):\n"
        "    while True:\n"
        "        sweeper.report(1, loss=1.0)\n"
    )
    played = play(program(tmp_path, {"train.py": source}), tmp_path, stop_at=1)
    assert played.ended.ending is Ending.STOPPED
    assert [region.passages for region in played.ended.energy.regions] == [1]
    assert played.log("stderr.log") == ""


@pytest.mark.parametrize("name", ["", "2nd", "a-b", "x" * 41], ids=repr)
def test_a_region_has_the_name_of_a_metric(name: str, tmp_path: Path) -> None:
    """A wrong name is told where it is written, in a sweep and outside."""
    trial = Trial({}, number=0, seed=0, max_steps=None, dir=tmp_path, deliver=lambda _: None)
    for measure in (trial.measure, sweeper.measure):
        with pytest.raises(ValueError, match=r"letters, digits and underscores, at most 40.*got"):
            measure(name)


class Cuda:
    """Stands for torch.cuda; counts."""

    def __init__(self, *, initialised: bool) -> None:
        self._initialised = initialised
        self.waited = 0

    def is_initialized(self) -> bool:
        """Tell whether this process uses a GPU."""
        return self._initialised

    def synchronize(self) -> None:
        """Wait, and fail as after a wrong index in a kernel."""
        self.waited += 1
        raise RuntimeError("CUDA error: device-side assert")


@pytest.mark.parametrize(("initialised", "waited"), [(True, 2), (False, 0)])
def test_a_region_waits_for_what_torch_launched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, initialised: bool, waited: int
) -> None:
    """At both edges, where torch uses a GPU; what goes wrong there is not the region's."""
    cuda, marks = Cuda(initialised=initialised), []
    torch = ModuleType("torch")
    torch.__dict__["cuda"] = cuda
    monkeypatch.setitem(sys.modules, "torch", torch)
    trial = Trial(
        {},
        number=0,
        seed=0,
        max_steps=None,
        dir=tmp_path,
        deliver=lambda _: None,
        mark=lambda *mark: marks.append(mark),
    )
    with trial.measure("inference"):
        pass
    assert (cuda.waited, marks) == (waited, [("inference", True), ("inference", False)])
