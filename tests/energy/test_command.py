from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from sweeper.energy.command import CommandNotStarted, Measured, MeasureSettings, measure_command
from sweeper.errors import MeterError
from sweeper.model import Energy, Factors, GpuEnergy

NO_GPUS = MeasureSettings(gpus="none", cpu_w_per_core=10.0)
BURN = "import time\nwhile time.process_time() < 0.3: pass"


def python(text: str) -> list[str]:
    """Return a command that runs this program."""
    return [sys.executable, "-c", text]


def test_the_commands_cpu_time_becomes_joules() -> None:
    """0.3 CPU seconds at 10 W per core are 3 J, and what starting Python took."""
    measured = measure_command(python(BURN), NO_GPUS)
    assert measured.exit_code == 0
    assert (measured.energy.scope, measured.energy.source) == ("cpu", "estimated:cpu_load")
    assert measured.energy.total_j is not None
    assert 3.0 <= measured.energy.total_j < 10.0
    assert measured.mean_power_w == pytest.approx(measured.energy.total_j / measured.elapsed_s)


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("import sys; sys.exit(7)", 7),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", 128 + signal.SIGKILL),
    ],
    ids=["exits", "is killed"],
)
def test_the_exit_code_is_that_of_the_command(program: str, code: int) -> None:
    """A command that fails is measured like any other."""
    measured = measure_command(python(program), NO_GPUS)
    assert measured.exit_code == code
    assert measured.energy.total_j is not None


@pytest.mark.parametrize(
    ("make", "code"), [("", 127), ("executable", 126)], ids=["is not there", "may not be run"]
)
def test_a_command_that_cannot_start_is_an_error_with_a_shells_code(
    tmp_path: Path, make: str, code: int
) -> None:
    """127 for what is not there, 126 for what may not be run; the text names it."""
    program = tmp_path / "program"
    if make:
        program.write_text("not a program")
    with pytest.raises(CommandNotStarted, match="program") as refused:
        measure_command([str(program)], NO_GPUS)
    assert refused.value.code == code


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_what_ends_the_command_does_not_end_the_measuring(number: signal.Signals) -> None:
    """The command gets the signal, ends as it likes, and its figure is told all the same."""
    group = f"os.kill(os.getppid(), {int(number)})"
    program = f"""
import os, signal, sys, time
signal.signal(signal.{number.name}, lambda *_: sys.exit(9))
{group}
{"os.kill(os.getpid(), signal.SIGINT)" if number is signal.SIGINT else ""}
time.sleep(20)
"""
    measured = measure_command(python(program), NO_GPUS)
    assert measured.exit_code == 9
    assert measured.elapsed_s < 15


def test_the_command_is_not_deaf_to_what_the_metering_outlives() -> None:
    """The signals have their usual meaning in the command, and again here afterwards."""
    before = signal.getsignal(signal.SIGINT)
    program = "import signal, sys; sys.exit(signal.getsignal(signal.SIGTERM) != signal.SIG_DFL)"
    assert measure_command(python(program), NO_GPUS).exit_code == 0
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("given", ["0", "GPU-nothing", "", "zero"])
def test_gpus_that_are_not_there_are_refused_before_the_command_runs(given: str) -> None:
    """The message says what was given and what is allowed; nothing has run."""
    with pytest.raises(MeterError, match=r"--gpus .*must be none or a list"):
        measure_command(["/nowhere"], MeasureSettings(gpus=given))


def measured(energy: Energy) -> Measured:
    """Return a command of two seconds that used this."""
    return Measured(("train",), 0, 2.0, energy)


def board(utilisation: float | None) -> GpuEnergy:
    """Return a board's line."""
    return GpuEnergy("GPU-1", "Fake GPU", 100.0, utilisation=utilisation)


@pytest.mark.parametrize(
    ("utilisations", "mean"),
    [([0.5, 1.0], 0.75), ([0.5, None], None), ([], None)],
    ids=["known", "one unknown", "no board"],
)
def test_utilisation_is_the_mean_of_boards_that_are_all_known(
    utilisations: list[float | None], mean: float | None
) -> None:
    """An unknown board makes the mean unknown."""
    gpus = tuple(board(each) for each in utilisations)
    assert measured(Energy(200.0, "measured:counter", "gpu", gpus=gpus)).utilisation == mean


def test_unknown_energy_is_null_in_json_with_its_bound() -> None:
    """Joules, grams and money are null; the upper bound is there."""
    told = measured(Energy(None, "measured:counter", "gpu", hi_j=70.0)).to_json(
        Factors(481.0, "world", price_per_kwh=0.2)
    )
    again = json.loads(json.dumps(told, allow_nan=False))
    assert [again[name] for name in ("mean_power_w", "site_kwh", "co2e_g", "cost")] == [None] * 4
    assert (again["energy"]["total_j"], again["energy"]["hi_j"]) == (None, 70.0)


def test_known_energy_becomes_kwh_grams_and_money_once_with_pue() -> None:
    """3.6 MJ at a PUE of 1.5 are 1.5 kWh at the site."""
    told = measured(Energy(3.6e6, "measured:counter", "gpu")).to_json(
        Factors(100.0, "given", pue=1.5, price_per_kwh=0.2)
    )
    assert told["site_kwh"] == pytest.approx(1.5)
    assert told["co2e_g"] == pytest.approx(150.0)
    assert told["cost"] == pytest.approx(0.3)
    assert told["mean_power_w"] == pytest.approx(1.8e6)


def test_an_empty_variable_means_no_gpu() -> None:
    """CUDA_VISIBLE_DEVICES="" is a command without GPUs, not one with all."""
    done = measure_command(
        python("pass"), MeasureSettings(), environment={**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    )
    assert (done.energy.scope, done.energy.gpus, done.notes) == ("cpu", (), ())
