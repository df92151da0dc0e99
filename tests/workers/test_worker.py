"""One worker: what it makes of reports, and of misbehaving objectives."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest

from sweeper.errors import PoolError
from sweeper.model import (
    AttemptId,
    CauseKind,
    Ended,
    Ending,
    Energy,
    GpuEnergy,
    Order,
    PoolEvent,
    StepReport,
)
from sweeper.places import trial_folder_here
from sweeper.seams import Meter
from sweeper.testing.pool_cases import order
from sweeper.testing.scripted_meter import FailingMeter, HandClock, ScriptedMeter
from sweeper.workers.worker import Post, Worker
from tests.workers.objectives import setup_for


class First(Protocol):
    """Trains an objective to its first event."""

    def __call__(self, source: str, folder: Path) -> PoolEvent:
        """Return the event."""


@pytest.fixture(params=[False, True], ids=["inside", "apart"])
def first(request: pytest.FixtureRequest) -> First:
    """Train in this process, and in one of its own: nobody is to notice the difference."""

    def train(source: str, folder: Path) -> PoolEvent:
        worker = Worker(setup_for(source, folder / "code", own_process=request.param))
        event = worker.start(order(folder))
        assert event is not None  # only a program is silent for a while
        if isinstance(event, StepReport):
            worker.stop()
        worker.close()
        return event

    return train


@pytest.mark.parametrize(
    ("given", "metrics", "unreadable"),
    [
        ('{"a": 1, "b": 2.5}', {"a": 1.0, "b": 2.5}, {}),
        ('{"a": float("nan")}', {"a": "nan"}, {}),
        ('{"a": True, "b": "high"}', {}, {"a": "bool 'True'", "b": "str 'high'"}),
        ('{"a": numpy.float32(0.5), "b": numpy.array(2)}', {"a": 0.5, "b": 2.0}, {}),
        ('{"a": numpy.zeros(2)}', {}, {"a": "ndarray '[0. 0.]'"}),
        ('{"a": None}', {}, {"a": "NoneType 'None'"}),
    ],
    ids=["numbers", "nan", "bool-text", "numpy", "array", "none"],
)
def test_metrics_are_read_as_numbers(
    first: First, tmp_path: Path, given: str, metrics: dict[str, object], unreadable: dict[str, str]
) -> None:
    """Scalars of any library are numbers; the rest is told apart."""
    event = first(f"import numpy\ndef train(params):\n    yield 1, {given}", tmp_path)
    assert isinstance(event, StepReport)
    read = {name: str(v) if v != v else v for name, v in event.metrics.items()}
    assert (read, dict(event.unreadable)) == (metrics, unreadable)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("yield 0.5", r"must yield \(step, \{name: value\}\), got 0\.5"),
        ("yield {'loss': 1.0}", r"must yield \(step, \{name: value\}\)"),
        ("yield 'one', {'loss': 1.0}", "a step must be a whole number >= 0, got 'one'"),
        ("yield 1.5, {'loss': 1.0}", "a step must be a whole number >= 0, got 1.5"),
        ("yield -1, {'loss': 1.0}", "a step must be a whole number >= 0, got -1"),
        ("yield True, {'loss': 1.0}", "a step must be a whole number >= 0, got True"),
        ("yield 2**70, {'loss': 1.0}", "a step must be a whole number >= 0, got 118"),
        ("yield 1, {'energy_j': float('nan')}", "energy_j must be the joules since"),
        ("yield 1, {'energy_j': -5}", "energy_j must be the joules since"),
    ],
    ids=[
        "number",
        "mapping",
        "text-step",
        "float-step",
        "negative-step",
        "bool-step",
        "huge-step",
        "nan-energy",
        "negative-energy",
    ],
)
def test_a_wrong_report_fails_the_trial_with_the_mend(
    first: First, tmp_path: Path, line: str, expected: str
) -> None:
    """The cause says what was given and what to write."""
    event = first(f"def train(params):\n    {line}", tmp_path)
    assert isinstance(event, Ended)
    assert event.ending is Ending.RAISED
    with pytest.raises(AssertionError, match=expected):
        raise AssertionError(event.cause)


def test_a_function_may_return_its_metrics(first: First, tmp_path: Path) -> None:
    """The simplest objective reports nothing and returns a mapping: one step."""
    event = first("def train(params): return {'loss': params['x']}", tmp_path)
    assert isinstance(event, StepReport)
    assert (event.step, dict(event.metrics)) == (1, {"loss": 6.0})


def test_declared_energy_wins_over_the_meter(tmp_path: Path) -> None:
    """``energy_j`` is the trial's own word on its joules so far."""
    source = "def train(params, trial):\n    trial.report(1, loss=1.0, energy_j=250.0)"
    worker = Worker(setup_for(source, tmp_path / "code"))
    report = worker.start(order(tmp_path))
    assert isinstance(report, StepReport)
    assert report.energy_j == 250.0
    ended = worker.go_on()
    assert isinstance(ended, Ended)
    assert (ended.energy.total_j, ended.energy.source) == (250.0, "declared")


def test_regions_of_a_trial_that_declares_its_joules_have_only_seconds(tmp_path: Path) -> None:
    """What the meter says of a part would not fit what the objective says of the whole."""
    source = (
        "def train(params, trial):\n"
        "    with trial.measure('inference'):\n"
        "        trial.report(1, loss=1.0, energy_j=250.0)\n"
    )
    setup = replace(setup_for(source, tmp_path / "code"), make_meter=ticking_meter)
    worker = Worker(setup)
    worker.start(order(tmp_path))
    ended = worker.go_on()
    assert isinstance(ended, Ended)
    (region,) = ended.energy.regions
    assert (region.energy_j, region.passages) == (None, 1)
    assert region.elapsed_s > 0


class Ticks:
    """A clock that goes on by a second with each look."""

    def __init__(self) -> None:
        self._clock = HandClock()

    def __call__(self) -> float:
        """Return the time in seconds."""
        self._clock.advance(1.0)
        return self._clock()


def ticking_meter(gpus: Meter | None = None) -> ScriptedMeter:
    """Build a meter that reads 10 J more each time."""
    return ScriptedMeter(Ticks(), lambda _: 10.0)


@pytest.mark.parametrize(
    ("line", "ending"),
    [
        ("yield 2, {'loss': 1.0}", Ending.STOPPED),
        ("raise ValueError", Ending.RAISED),
        ("trial.measure('inference').__enter__(); return", Ending.RETURNED),
    ],
    ids=["stopped", "raised", "left open"],
)
def test_regions_are_closed_however_a_trial_ends(tmp_path: Path, line: str, ending: Ending) -> None:
    """A passage that did not come to its end counts up to the trial's."""
    source = (
        "def train(params, trial):\n"
        "    yield 1, {'loss': 1.0}\n"
        "    with trial.measure('training'):\n"
        f"        {line}\n"
    )
    setup = replace(setup_for(source, tmp_path / "code"), make_meter=ticking_meter)
    worker = Worker(setup)
    worker.start(order(tmp_path))
    event = worker.go_on()
    ended = worker.stop() if isinstance(event, StepReport) else event
    assert isinstance(ended, Ended)
    assert ended.ending is ending
    for region in ended.energy.regions:
        assert region.passages == 1
        assert region.energy_j is not None
        assert 0 < region.energy_j < (ended.energy.total_j or 0.0)
    assert ended.energy.regions


def test_an_end_says_whose_it_is_and_what_was_used_outside(tmp_path: Path) -> None:
    """Budgets see each worker's overhead while it lives."""
    setup = replace(
        setup_for("def train(params): yield 1, {'loss': 1.0}", tmp_path / "code"),
        make_meter=ticking_meter,
    )
    worker = Worker(setup, Post("worker-3"))
    worker.start(order(tmp_path))
    ended = worker.stop()
    assert ended.worker == "worker-3"
    assert ended.overhead_j is not None
    assert 0 < ended.overhead_j <= (worker.overhead().total_j or 0.0)


class SilentBoard(FailingMeter):
    """A meter that has found its board, of which nothing can be read."""

    def overhead(self) -> Energy:
        """Return what is known of the board."""
        line = GpuEnergy("GPU-7", "GRID T4", None, source="unavailable")
        return Energy(None, "unavailable", "gpu", gpus=(line,))


@pytest.mark.parametrize(
    ("meter", "named"),
    [(SilentBoard(), r"GPU GPU-7 \(GRID T4\)"), (FailingMeter(), "GPU 0, 1")],
    ids=["board", "no board"],
)
def test_a_worker_whose_joules_must_be_known_refuses(
    tmp_path: Path, meter: Meter, named: str
) -> None:
    """Before any training: the key, the board, what was tried and what to do."""
    setup = replace(
        setup_for("def train(params): ...", tmp_path),
        make_meter=lambda gpus: meter,
        needs_energy="budget.co2e",
    )
    with pytest.raises(PoolError, match=f"^budget.co2e needs joules.*{named} .*energy.gpu_w: 300"):
        Worker(setup, Post("worker", ("0", "1")))


def test_out_of_gpu_memory_is_told_apart(first: First, tmp_path: Path) -> None:
    """An exception of torch's name for it is its own kind of failure."""
    source = (
        "class OutOfMemoryError(RuntimeError): ...\n"
        "def train(params): raise OutOfMemoryError('CUDA out of memory')"
    )
    event = first(source, tmp_path)
    assert isinstance(event, Ended)
    assert event.cause is not None
    assert event.cause.kind is CauseKind.OOM


def test_a_cause_is_one_line_of_at_most_300_characters(first: First, tmp_path: Path) -> None:
    """A ten-megabyte message stays out of the store."""
    event = first("def train(params): raise ValueError('x\\n' * 5_000_000)", tmp_path)
    assert isinstance(event, Ended)
    assert event.cause is not None
    assert len(event.cause.text) == 300
    assert "\n" not in event.cause.text
    assert event.traceback is not None
    assert len(event.traceback) <= 100_000


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        ("ValueError('caf\\udce9')", "ValueError: caf\\udce9"),
        ("Odd()", "Odd: its text cannot be made"),
    ],
    ids=["surrogate", "no-text"],
)
def test_odd_exceptions_are_ordinary_failures(
    first: First, tmp_path: Path, error: str, cause: str
) -> None:
    """Text that UTF-8 cannot hold, or that cannot be made, costs one trial and nothing more."""
    source = (
        "class Odd(Exception):\n    def __str__(self): raise RuntimeError\n"
        f"def train(params): raise {error}\n"
    )
    event = first(source, tmp_path)
    assert isinstance(event, Ended)
    assert event.cause is not None
    assert re.fullmatch(rf"{re.escape(cause)} \(objective_\d+\.py:3\)", event.cause.text)
    assert event.traceback is not None
    event.traceback.encode("utf-8")


def test_streams_that_an_objective_keeps_work_to_its_end(tmp_path: Path) -> None:
    """A logging handler around sys.stdout goes on working after the first report."""
    source = (
        "import sys\n"
        "def train(params):\n"
        "    out = sys.stdout\n"
        "    for step in (1, 2):\n"
        "        yield step, {'loss': 1.0}\n"
        "        print('after', step, file=out)\n"
    )
    worker = Worker(setup_for(source, tmp_path / "code"))
    worker.start(order(tmp_path))
    worker.go_on()
    ended = worker.go_on()
    assert isinstance(ended, Ended)
    assert ended.cause is None
    assert (tmp_path / "0" / "stdout.log").read_text() == "after 1\nafter 2\n"


def test_stopping_unwinds_code_that_swallows_exceptions(tmp_path: Path) -> None:
    """``except Exception`` around a report cannot keep a stopped trial alive."""
    source = (
        "def train(params, trial):\n"
        "    for step in range(1, 1000):\n"
        "        try:\n"
        "            trial.report(step, loss=1.0)\n"
        "        except Exception:\n"
        "            pass\n"
    )
    worker = Worker(setup_for(source, tmp_path / "code"))
    worker.start(order(tmp_path))
    assert worker.stop().ending is Ending.STOPPED


def test_a_generator_objective_with_trial_must_yield(first: First, tmp_path: Path) -> None:
    """Mixing the two styles is told, not left hanging."""
    source = "def train(params, trial):\n    trial.report(1, loss=1.0)\n    yield 2, {'loss': 1.0}"
    event = first(source, tmp_path)
    assert isinstance(event, Ended)
    assert event.cause is not None
    assert "cannot call trial.report too" in event.cause.text


def test_a_library_that_is_imported_late_is_seeded_too(tmp_path: Path) -> None:
    """NumPy, imported only inside the objective, starts from the trial's seed."""
    source = "def train(params):\n    import numpy\n    yield 1, {'loss': numpy.random.rand()}\n"
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from sweeper.model import AttemptId, Order\n"
        "from sweeper.testing.scripted_meter import HandClock, ScriptedMeter\n"
        "from sweeper.workers.objective import locate\n"
        "from sweeper.workers.worker import Worker, WorkerSetup\n"
        "folder = Path(sys.argv[1])\n"
        "meter = lambda gpus: ScriptedMeter(HandClock(), lambda _: 1.0)\n"
        "setup = WorkerSetup(locate('late.py:train', folder), meter, own_process=False)\n"
        "worker = Worker(setup)\n"
        "assert 'numpy' not in sys.modules\n"
        "for number in range(2):\n"
        "    order = Order(AttemptId(number, 0, 0), {}, 7, 1, str(folder / str(number)))\n"
        "    print(worker.start(order).metrics['loss'])\n"
        "    worker.stop()\n"
    )
    (tmp_path / "late.py").write_text(source, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True
    )
    first_drawn, second_drawn = done.stdout.split()
    assert first_drawn == second_drawn == "0.07630828937395717"


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore")  # what PyTorch warns of at import is not ours
def test_torch_is_seeded_before_each_trial(tmp_path: Path) -> None:
    """Where the objective has loaded PyTorch, its generator follows from the trial's seed."""
    source = "import torch\ndef train(params):\n    yield 1, {'loss': torch.rand(1)}\n"
    worker = Worker(setup_for(source, tmp_path / "code"))
    drawn = []
    for number, seed in enumerate((3, 4, 3)):
        report = worker.start(order(tmp_path, number, seed=seed))
        assert isinstance(report, StepReport)
        drawn.append(report.metrics["loss"])
        worker.stop()
    assert drawn[0] == drawn[2] != drawn[1]


def test_a_worker_on_another_machine_sends_its_logs(tmp_path: Path) -> None:
    """Where the driver's folder is not there, the ends of the logs come with the end."""
    source = "def train(params):\n    print('x' * 999_999)\n    print('last')\n    raise ValueError"
    setup = setup_for(source, tmp_path / "code", own_process=True)
    worker = Worker(setup, Post(away=True))
    there = Order(AttemptId(3, 0, 1), {"x": 6.0}, 7, None, "/driver/sweeps/digits-1234/3.1")
    ended = worker.start(there)
    assert isinstance(ended, Ended)
    logs = dict(ended.logs)
    assert logs["stdout.log"].endswith("xx\nlast\n")
    assert len(logs["stdout.log"]) <= 2**18
    assert json.loads(logs["params.json"]) == {"x": 6.0}
    here = Path(trial_folder_here(there.folder))
    assert here.parts[-2:] == ("digits-1234", "3.1")
    assert (here / "stdout.log").stat().st_size > 999_999
    here_too = worker.start(order(tmp_path, 1))
    assert isinstance(here_too, Ended)
    assert here_too.logs != (), "once away, a folder that is not there is not made"
    worker.close()


def test_a_secret_in_an_error_is_hidden_where_it_is_told(first: First, tmp_path: Path) -> None:
    """Neither the line that everybody sees nor the traceback that is kept has it."""
    token = "hf_" + "a1B2" * 9
    source = f"def train(params):\n    raise ValueError('401 for ' + 'hf_' + {'a1B2' * 9!r})"
    event = first(source, tmp_path)
    assert isinstance(event, Ended)
    assert event.cause is not None
    assert event.cause.text.startswith("ValueError: 401 for ***")
    assert token not in (event.traceback or "")
