"""Which of a program's words count, and what of it is known afterwards."""

from __future__ import annotations

import venv
from pathlib import Path

import pytest

from sweeper.model import Ending, OutputRule, OutputStyle
from tests.workers.programs import play, program, shell

# --- which reports count ---


def test_a_program_trains_on_while_the_driver_thinks(tmp_path: Path) -> None:
    """What is printed meanwhile queues up, and nothing of it is lost."""
    script = "for i in 1 2 3 4 5; do echo step=$i loss=0.$i; done"
    played = play(shell(tmp_path, script), tmp_path)
    assert [step for step, _ in played.values] == [1, 2, 3, 4, 5]
    assert played.ended.ending is Ending.RETURNED


def test_reports_win_over_prints(tmp_path: Path) -> None:
    """Once a program has reported through its channel, what it prints is no report."""
    source = (
        "import sweeper, time\n"
        "for step in range(1, 4):\n"
        "    print(f'step={step} loss={step}')\n"
        "    time.sleep(0.02)\n"
        "    sweeper.report(step, loss=step, from_channel=1)\n"
    )
    played = play(program(tmp_path, {"train.py": source}), tmp_path)
    assert [step for step, _ in played.values] == [1, 2, 3]
    assert all("from_channel" in metrics for _, metrics in played.values[1:])


def test_the_sweep_file_says_how_output_is_read(tmp_path: Path) -> None:
    """A pattern of the file, instead of the two ordinary forms."""
    rule = OutputRule(OutputStyle.PATTERN, (r"Epoch (?P<step>\d+): (?P<loss>\S+)",))
    script = "echo loss=9; echo 'Epoch 1: 0.5'"
    assert play(shell(tmp_path, script, output=rule), tmp_path).values == [(1, {"loss": 0.5})]


def test_a_program_declares_its_joules(tmp_path: Path) -> None:
    """``energy_j`` in a report is the trial's own word, as for functions."""
    played = play(shell(tmp_path, "echo loss=1 energy_j=12.5"), tmp_path)
    assert played.reports[0].energy_j == 12.5
    assert (played.ended.energy.total_j, played.ended.energy.source) == (12.5, "declared")


# --- what was executed ---


def test_executed_files_of_python_are_known(tmp_path: Path) -> None:
    """Imported and executed files of the project are told, those of children too; no others."""
    files = {
        "train.py": (
            "import json, sys, subprocess\n"
            "sys.path.append('lib')\n"
            "import found\n"
            "exec(compile(open('text.inc').read(), 'text.inc', 'exec'))\n"
            "subprocess.run([sys.executable, 'child.py'], check=True)\n"
        ),
        "lib/found.py": "",
        "text.inc": "x = 1",
        "child.py": "",
        "unused.py": "",
    }
    ended = play(program(tmp_path, files), tmp_path).ended
    assert ended.cause is None
    assert ended.imported == ("child.py", "lib/found.py", "text.inc", "train.py")


def test_other_languages_import_nothing_that_is_known(tmp_path: Path) -> None:
    """Their files are in the key as a whole."""
    assert play(shell(tmp_path, "echo loss=1"), tmp_path).ended.imported == ()


def test_the_users_own_sitecustomize_still_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours stands in front of it and leaves no trace on the path."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text("import sys\nsys.mine = 5\n")
    monkeypatch.setenv("PYTHONPATH", str(site))
    source = (
        "import sys, sitecustomize\n"
        "assert not any('workers/child' in folder for folder in sys.path), sys.path\n"
        "assert 'site' in sitecustomize.__file__\n"
        "print(f'loss={sys.mine}')\n"
    )
    assert play(program(tmp_path, {"train.py": source}), tmp_path).values == [(1, {"loss": 5.0})]


def test_a_missing_wandb_says_what_to_install(tmp_path: Path) -> None:
    """A W&B script in a Python that has no W&B: the cause holds the mend."""
    command = ["${interpreter}", "-I", "-S", "${program}"]  # no installed packages at all
    played = play(program(tmp_path, {"train.py": "import wandb"}, command), tmp_path)
    assert str(played.ended.cause) == (
        "error: exit code 1: ModuleNotFoundError: No module named 'wandb' "
        "(install it: pip install wandb) (train.py:1)"
    )


FAKE_RUN = """
class Run:
    step = 0

    def log(self, data, step=None, commit=None):
        print("logged", data)

    def __exit__(self, *error):
        print("left with", error)
"""


def test_the_hook_needs_no_sweeper_in_the_programs_python(tmp_path: Path) -> None:
    """In another environment, without sweeper, what is logged to W&B arrives all the same."""
    venv.create(tmp_path / "venv", symlinks=True)
    files = {
        "wandb/__init__.py": "from wandb.sdk.wandb_run import Run",
        "wandb/sdk/__init__.py": "",
        "wandb/sdk/wandb_run.py": FAKE_RUN,
        "train.py": (
            "import importlib.util, wandb\n"
            "assert importlib.util.find_spec('sweeper') is None\n"
            "wandb.Run().log({'loss': 1, 'x': {'y': 2}, 'no': True, 'list': [1]})\n"
            "wandb.Run().log({'loss': 2})\n"
        ),
    }
    command = [str(tmp_path / "venv" / "bin" / "python"), "${program}"]
    played = play(program(tmp_path, files, command), tmp_path, stop_at=2)
    assert played.values == [(1, {"loss": 1.0, "x.y": 2.0}), (2, {"loss": 2.0})]
    assert played.ended.ending is Ending.STOPPED
    assert played.log("stderr.log") == ""
    assert played.log("stdout.log").count("logged") == 2
