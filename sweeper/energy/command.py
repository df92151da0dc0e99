"""The energy of any command: it runs as if it had been typed, and is metered from outside.

Owns: starting the command, its signals and its exit code. Must not import other rooms or Ray.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from types import FrameType

from sweeper.energy.agent import AgentSettings, build_agent
from sweeper.energy.cpu_load import CPU_W_PER_CORE
from sweeper.energy.meter import MeterSettings, build_meter
from sweeper.energy.nvml import Nvml
from sweeper.errors import MeterError
from sweeper.model import Energy, Factors, Value
from sweeper.seams import Agent, Meter

__all__ = ["CommandNotStarted", "MeasureSettings", "Measured", "measure_command", "visible_gpus"]

NO_GPU = "none"

# What shells return for a command that is not there, and for one that may not be run (POSIX.1-2017,
# Shell and Utilities, 2.8.2).
NOT_FOUND, NOT_EXECUTABLE = 127, 126

_WORKER = "command"


class CommandNotStarted(MeterError):
    """The command could not be started; ``code`` is what a shell would return."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class MeasureSettings:
    """What the command line says about measuring.

    Attributes:
        gpus: ``none``, or GPUs as CUDA_VISIBLE_DEVICES lists them; None: those that the command
            can see.
        gpu_w: Watts of one GPU, declared for where nothing can be read.
        gpu_idle_w: Watts that one GPU draws idle.
        cpu_w_per_core: Watts of one busy core, for the estimate.
    """

    gpus: str | None = None
    gpu_w: float | None = None
    gpu_idle_w: float | None = None
    cpu_w_per_core: float | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """A command that has run, and what it used."""

    command: tuple[str, ...]
    exit_code: int  # 128 + n if signal n ended it
    elapsed_s: float
    energy: Energy
    notes: tuple[str, ...] = ()

    @property
    def mean_power_w(self) -> float | None:
        """Return joules per second; None: unknown."""
        if self.energy.total_j is None or self.elapsed_s <= 0:
            return None
        return self.energy.total_j / self.elapsed_s

    @property
    def utilisation(self) -> float | None:
        """Return the share of the time in which a kernel was resident, over all GPUs."""
        known = [gpu.utilisation for gpu in self.energy.gpus if gpu.utilisation is not None]
        if not known or len(known) < len(self.energy.gpus):
            return None
        return sum(known) / len(known)

    def to_json(self, factors: Factors) -> dict[str, Value]:
        """Return everything as a JSON object; joules are the device's, grams and money the site's.

        Args:
            factors: What turns joules into grams and money.
        """
        total_j = self.energy.total_j
        return {
            "command": list(self.command),
            "exit_code": self.exit_code,
            "elapsed_s": self.elapsed_s,
            "mean_power_w": self.mean_power_w,
            "utilisation": self.utilisation,
            "energy": asdict(self.energy),
            "site_kwh": None if total_j is None else factors.site_kwh(total_j),
            "co2e_g": factors.co2e_g(total_j),
            "cost": factors.cost(total_j),
            "factors": asdict(factors),
            "notes": list(self.notes),
        }


def measure_command(
    command: Sequence[str],
    settings: MeasureSettings,
    *,
    environment: Mapping[str, str] = os.environ,
    clock: Callable[[], float] = time.monotonic,
) -> Measured:
    """Run a command to its end and meter it; its input and output are this process's.

    Call it in the main thread: it takes over the signals until the command ends.

    Args:
        command: The program and its arguments; not read by a shell.
        settings: What to meter.
        environment: Where CUDA_VISIBLE_DEVICES is looked up.
        clock: Seconds, monotonic.

    Returns:
        What it used; unknown energy is no error.

    Raises:
        CommandNotStarted: If there is no such program, or it may not be run.
        MeterError: If the settings name no GPU of this machine.
    """
    gpus, notes = visible_gpus(settings.gpus, environment)
    agent = _agent(settings) if gpus else None
    try:
        # This process is the root: the command is its only child, and uses no GPU before it.
        meter = _meter(settings, agent.meter(_WORKER, os.getpid()) if agent else None)
        meter.begin(gpus, 1.0)
        meter.open()
        started_s = clock()
        code = _run(command)
        elapsed_s = clock() - started_s
        energy = meter.close()
    finally:
        if agent is not None:
            agent.end()
    return Measured(tuple(command), code, elapsed_s, energy, notes)


def visible_gpus(
    given: str | None, environment: Mapping[str, str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the GPUs that the command may use, and what is odd about the list.

    Args:
        given: ``none``, or a list as CUDA_VISIBLE_DEVICES has it; None: what that variable says,
            and all GPUs where it is not set.
        environment: Where the variable is looked up.

    Raises:
        MeterError: If the given list does not name GPUs of this machine.
    """
    if given == NO_GPU:
        return (), ()
    nvml = Nvml()
    listed = given if given is not None else environment.get("CUDA_VISIBLE_DEVICES")
    if listed is None:
        return tuple(str(index) for index in range(nvml.count())), ()
    entries = tuple(entry.strip() for entry in listed.split(",") if entry.strip())
    if not entries and given is None:
        return (), ()
    assigned = nvml.assigned(entries)
    cut = "gpu_list_invalid" in assigned.flags
    if given is not None and (cut or not assigned.boards):
        raise MeterError(
            f"--gpus {given}: must be {NO_GPU} or a list of different GPUs of this machine, as "
            f"0,1 or GPU-<uuid>; it has {nvml.count() or 'none'} that NVML can see"
        )
    odd = f"CUDA_VISIBLE_DEVICES={listed}: read up to its first entry that names no GPU here"
    return entries if assigned.boards else (), (odd,) if cut and listed.strip() != "-1" else ()


def _agent(settings: MeasureSettings) -> Agent:
    return build_agent(AgentSettings(gpu_idle_w=settings.gpu_idle_w, gpu_w=settings.gpu_w))


def _meter(settings: MeasureSettings, gpus: Meter | None) -> Meter:
    watts = settings.cpu_w_per_core
    return build_meter(MeterSettings(CPU_W_PER_CORE if watts is None else watts), gpus)


def _run(command: Sequence[str]) -> int:
    """Run to the end and return the exit code as a shell would."""
    with _signals() as children:
        try:
            child = subprocess.Popen(command)
        except FileNotFoundError as error:
            raise CommandNotStarted(
                f"{command[0]}: command not found; give a program on PATH or a path to one",
                NOT_FOUND,
            ) from error
        except OSError as error:
            raise CommandNotStarted(
                f"{command[0]}: cannot be run: {error.strerror}", NOT_EXECUTABLE
            ) from error
        children.append(child)
        code = child.wait()
    return code if code >= 0 else 128 - code


@contextmanager
def _signals() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Outlive the command: what ends it must not end the metering before the figure is told.

    The terminal sends Ctrl-C to both, so that is only survived; SIGTERM is meant for the command
    and passed on. They are handled, not ignored: the command would inherit being deaf to them.
    """
    children: list[subprocess.Popen[bytes]] = []

    def survive(_number: int, _frame: FrameType | None) -> None:
        pass

    def pass_on(number: int, _frame: FrameType | None) -> None:
        for child in children:
            child.send_signal(number)

    before = {
        number: signal.signal(number, handler)
        for number, handler in (
            (signal.SIGINT, survive),
            (signal.SIGQUIT, survive),
            (signal.SIGTERM, pass_on),
            (signal.SIGHUP, pass_on),
        )
    }
    try:
        yield children
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
