"""Programs in any language, found and run for real."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from sweeper.errors import PoolError
from sweeper.model import Cause, CauseKind, Ended, Ending, OutputRule, Params, StepReport
from sweeper.testing.pool_cases import wait
from sweeper.workers.local_pool import LocalPool
from sweeper.workers.program import DEFAULT_COMMAND, locate_program
from sweeper.workers.worker import WorkerSetup
from tests.workers.objectives import scripted_meter
from tests.workers.programs import gone, play, program, shell, trial

SHOWS_ENV = """
import json, os
from pathlib import Path

shown = {k: v for k, v in os.environ.items() if k.startswith(("SWEEPER_", "WANDB_", "PYTHONU"))}
wandb = Path(os.environ["WANDB_SWEEP_PARAM_PATH"]).read_text()
Path("env.json").write_text(json.dumps({"env": shown, "cwd": os.getcwd(), "wandb": wandb}))
print("loss=1")
"""


# --- finding ---


@pytest.mark.parametrize(
    ("files", "command", "expected"),
    [
        ({}, ["no-such-tool", "${args}"], "no-such-tool is not found on PATH"),
        ({}, ["${env}", "A=1", "no-such-tool"], "no-such-tool is not found on PATH"),
        ({}, ["python4", "x"], r'write "\$\{interpreter\}" for the Python that runs sweeper'),
        ({}, ["./gone.sh"], r"there is no file \./gone\.sh in"),
        ({"run.sh": ""}, ["./run.sh"], r"run chmod \+x \./run\.sh"),
        ({"train.py": ""}, ["${program}"], r"train\.py is not executable; run chmod \+x"),
        ({}, ["${interpreter}", "${program}"], "no meaning without program:"),
        ({}, None, "no meaning without program:"),
    ],
    ids=["tool", "env", "python", "file", "mode", "program-mode", "macro", "default"],
)
def test_what_cannot_be_started_is_known_early(
    tmp_path: Path, files: Mapping[str, str], command: Sequence[str] | None, expected: str
) -> None:
    """Locating says what is missing and what to do, and runs nothing."""
    with pytest.raises(PoolError, match=expected):
        program(tmp_path, files, command)


def test_a_missing_program_is_known_early(tmp_path: Path) -> None:
    """The error names the file and the folder."""
    with pytest.raises(PoolError, match=rf"there is no file gone\.py in {tmp_path}"):
        locate_program("gone.py", None, tmp_path, metric_names=(), output=OutputRule())


def test_what_is_found_is_not_run(tmp_path: Path) -> None:
    """A source holds what a worker needs, and moves with a copy of the project."""
    source = program(tmp_path, {"train.py": "raise SystemExit(1)"})
    assert (source.command, source.program) == (DEFAULT_COMMAND, "train.py")
    assert source.root == str(tmp_path / "code")
    moved = source.moved(Path("/elsewhere"))
    assert (moved.program, moved.root) == ("train.py", "/elsewhere")


# --- what a program gets ---


def test_a_program_finds_its_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seed, horizon, folders and files are in the environment; W&B's variables too."""
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    monkeypatch.delenv("SWEEPER_REQUIRE", raising=False)
    source = program(tmp_path, {"train.py": SHOWS_ENV}, ["${interpreter}", "${program}"])
    played = play(source, tmp_path)
    assert played.ended.cause is None
    shown = json.loads((tmp_path / "code" / "env.json").read_text())
    channel = shown["env"].pop("SWEEPER_CHANNEL")
    assert len(channel) < 100
    assert not Path(channel).parent.exists(), "the private folder is gone after the trial"
    assert shown["env"].pop("WANDB_SWEEP_PARAM_PATH").startswith(str(Path(channel).parent))
    assert shown["env"] == {
        "SWEEPER_SEED": "7",
        "SWEEPER_MAX_STEPS": "9",
        "SWEEPER_TRIAL_DIR": str(played.folder),
        "SWEEPER_PARAMS": str(played.folder / "params.json"),
        "WANDB_MODE": "offline",
        "WANDB_SWEEP_ID": "digits-1234",
        "WANDB_RUN_ID": "digits-1234-4",
        "WANDB_DIR": str(played.folder),
        "PYTHONUNBUFFERED": "1",
    }
    assert shown["cwd"] == source.root
    assert json.loads(played.log("params.json")) == {
        "lr": 1e-4,
        "opt": {"a": 1, "b": None},
        "flag": True,
    }


def test_a_program_has_no_input_and_leads_its_own_session(tmp_path: Path) -> None:
    """It cannot take the terminal, and Ctrl-C there does not reach it."""
    source = (
        "import os, sys\nprint(f'loss={len(sys.stdin.read()) + (os.getsid(0) != os.getpid())}')"
    )
    assert play(program(tmp_path, {"train.py": source}), tmp_path).values == [(1, {"loss": 0.0})]


def test_output_is_kept_byte_for_byte(tmp_path: Path) -> None:
    """Both streams go to the trial's folder, whatever they hold."""
    script = r"printf 'a\377\0b\nloss=1'; printf 'c\376' >&2"
    played = play(shell(tmp_path, script), tmp_path)
    assert (played.folder / "stdout.log").read_bytes() == b"a\xff\0b\nloss=1"
    assert (played.folder / "stderr.log").read_bytes() == b"c\xfe"
    assert played.values == [(1, {"loss": 1.0})]


# --- how it ends ---


@pytest.mark.parametrize(
    ("script", "cause"),
    [
        ("echo first >&2; echo last >&2; exit 3", "error: exit code 3: last"),
        ("exit 1", "error: exit code 1, and nothing on standard error"),
        ("kill -SEGV $$", "crash: the program died of SIGSEGV (segmentation fault)"),
        ("echo wrong >&2; echo 'wandb: logs' >&2; exit 1", "error: exit code 1: wrong"),
        (
            "echo 'torch.OutOfMemoryError: CUDA out of memory. Tried' >&2; exit 1",
            "oom: exit code 1: torch.OutOfMemoryError: CUDA out of memory. Tried",
        ),
        (
            "echo \"ModuleNotFoundError: No module named 'wandb'\" >&2; exit 1",
            "error: exit code 1: ModuleNotFoundError: No module named 'wandb' "
            "(install it: pip install wandb)",
        ),
    ],
    ids=["code", "silent", "signal", "wandb-last", "gpu-memory", "no-wandb"],
)
def test_a_program_that_fails(tmp_path: Path, script: str, cause: str) -> None:
    """The cause is the exit code or signal and the last line of standard error."""
    ended = play(shell(tmp_path, script), tmp_path).ended
    assert ended.ending is Ending.RAISED
    assert str(ended.cause) == cause
    assert ended.traceback == (tmp_path / "digits-1234" / "4" / "stderr.log").read_text()


def test_a_program_that_cannot_be_started_fails_its_trial(tmp_path: Path) -> None:
    """What was there when the sweep began may be gone, or cannot be run."""
    source = shell(tmp_path, "")
    ended = play(source.moved(tmp_path / "gone"), tmp_path).ended
    assert ended.ending is Ending.RAISED
    assert "the program could not be started" in str(ended.cause)
    broken: Params = {"x": "a\0b"}
    assert "null byte" in str(play(source, tmp_path, params=broken).ended.cause)


def test_success_without_a_report_is_a_return(tmp_path: Path) -> None:
    """Whether that is enough is not the worker's business."""
    played = play(shell(tmp_path, "echo hello"), tmp_path)
    assert (played.values, played.ended.ending) == ([], Ending.RETURNED)


def test_a_wrong_report_fails_the_trial_and_ends_the_program(tmp_path: Path) -> None:
    """A step that is no whole number is told as for any objective."""
    source = "import sweeper, time\nsweeper.report('one', loss=1.0)\ntime.sleep(600)"
    played = play(program(tmp_path, {"train.py": source}), tmp_path)
    assert played.ended.ending is Ending.RAISED
    assert "a step must be a whole number >= 0, got 'one'" in str(played.ended.cause)
    assert played.took_s < 10


def test_children_do_not_outlive_their_program(tmp_path: Path) -> None:
    """What a program leaves in the background is ended with it."""
    played = play(shell(tmp_path, "sleep 600 & echo loss=$!"), tmp_path)
    assert gone(int(played.reports[0].metrics["loss"]))
    assert played.took_s < 10


# --- stopping ---


def test_a_printing_program_is_ended_by_sigterm(tmp_path: Path) -> None:
    """It may clean up; its children get the signal too."""
    script = "trap 'echo bye; exit 0' TERM; sleep 600 & echo loss=$!; wait"
    played = play(shell(tmp_path, script), tmp_path, stop_at=1)
    assert played.ended.ending is Ending.STOPPED
    assert gone(int(played.reports[0].metrics["loss"]))
    assert played.log("stdout.log").endswith("bye\n")
    assert played.took_s < 10


def test_a_program_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    """After the grace time nothing is left of it."""
    script = "trap '' TERM; echo loss=$$; while :; do sleep 0.05; done"
    played = play(shell(tmp_path, script, grace_s=0.5), tmp_path, stop_at=1)
    assert played.ended.ending is Ending.STOPPED
    assert 0.5 <= played.took_s < 8
    assert gone(int(played.reports[0].metrics["loss"]))


STOPPED = """
import sweeper, sys

try:
    for step in range(1, 100):
        try:
            sweeper.report(step, loss=1 / step)
        except Exception:
            pass
finally:
    print("cleaned up after", step)
"""


def test_a_reporting_program_is_stopped_by_an_exception(tmp_path: Path) -> None:
    """It ends at its report, quietly: its ``finally`` runs and there is no traceback."""
    played = play(program(tmp_path, {"train.py": STOPPED}), tmp_path, stop_at=3)
    assert played.ended.ending is Ending.STOPPED
    assert played.log("stdout.log") == "cleaned up after 3\n"
    assert played.log("stderr.log") == ""
    assert played.took_s < 10


def test_what_starts_the_program_that_was_stopped_ends_too(tmp_path: Path) -> None:
    """A script around it that would go on gets SIGTERM after half of the grace time."""
    files = {"train.py": STOPPED, "all.sh": f"{sys.executable} train.py; sleep 600"}
    source = program(tmp_path, files, ["sh", "all.sh"], grace_s=1.0)
    played = play(source, tmp_path, stop_at=1)
    assert played.ended.ending is Ending.STOPPED
    assert played.took_s < 8


def test_a_silent_program_in_the_driver_can_be_ended_anywhere(tmp_path: Path) -> None:
    """The local pool looks up while a program is silent, and ``stop(now=True)`` ends it."""
    source = shell(tmp_path, "sleep 600")
    pool = LocalPool(WorkerSetup(source, scripted_meter, own_process=False))
    order = trial(tmp_path)
    pool.start(order)
    assert pool.next_event(0.1) is None
    pool.stop(order.id, Cause(CauseKind.TIMEOUT, "test"), now=True)
    ended = wait(pool)
    assert isinstance(ended, Ended)
    assert ended.ending is Ending.STOPPED
    assert pool.room() == 1
    pool.close()


def test_closing_the_pool_ends_the_program(tmp_path: Path) -> None:
    """Nothing runs on when the driver gives up."""
    source = shell(tmp_path, "trap '' TERM; echo loss=$$; sleep 600")
    pool = LocalPool(WorkerSetup(source, scripted_meter, own_process=False))
    pool.start(trial(tmp_path))
    report = wait(pool)
    assert isinstance(report, StepReport)
    pool.close(kill=True)
    assert gone(int(report.metrics["loss"]))


def test_an_interrupt_ends_the_program(tmp_path: Path) -> None:
    """The third Ctrl-C, while the driver waits for a report, leaves nothing behind."""
    source = shell(
        tmp_path, f"trap '' TERM; echo $$ > pid; sleep 0.3; kill -INT {os.getpid()}; sleep 600"
    )
    pool = LocalPool(WorkerSetup(source, scripted_meter, own_process=False))
    pool.start(trial(tmp_path))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            wait(pool)
    finally:
        signal.signal(signal.SIGINT, before)
    assert gone(int((tmp_path / "code" / "pid").read_text()))
    pool.close(kill=True)
