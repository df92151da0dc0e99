"""Where the user's program is: ``program`` and ``command`` of the sweep file.

Owns: finding it without running it, so that the driver can say early what is wrong. Must not import
other rooms.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sweeper.errors import PoolError
from sweeper.model import OutputRule
from sweeper.workers.macros import ENV, INTERPRETER, PROGRAM, VARIABLE

__all__ = ["DEFAULT_COMMAND", "ProgramSource", "locate_program"]

# Source: https://docs.wandb.ai/guides/sweeps/sweep-config-keys, command
DEFAULT_COMMAND = (ENV, INTERPRETER, PROGRAM, "${args}")


@dataclass(frozen=True, slots=True)
class ProgramSource:
    """A program that was found but not run.

    Attributes:
        command: The template of its command line, macros unexpanded.
        program: What ``${program}`` stands for, as written; None: the command does not need it.
        root: The project's root, absolute: where it runs.
        metric_names: What it is to report.
        output: How metrics stand in what it prints.
        grace_s: Between asking it to end and SIGKILL.
        mirror: A folder that stands for the root where code is run; None: the root itself.
    """

    command: tuple[str, ...]
    program: str | None
    root: str
    metric_names: tuple[str, ...]
    output: OutputRule
    grace_s: float = 30.0
    mirror: str | None = None

    @property
    def is_one_file(self) -> bool:
        """Tell whether all code that it names is ``program``, so that a copy of it can be run."""
        named = [word for word in self.command if word not in (ENV, INTERPRETER, PROGRAM)]
        return PROGRAM in self.command and not any(
            word == "-m" or (Path(self.root) / word).is_file() for word in named
        )

    def mirrored(self, mirror: Path) -> ProgramSource:
        """Say that it is run from a copy, while the project stays where it works."""
        if self.program is None or Path(self.program).is_absolute():
            return self
        return replace(self, program=str(mirror / self.program), mirror=str(mirror))

    def moved(self, root: Path) -> ProgramSource:
        """Say where the program is in a copy of the project; paths of it are relative to that."""
        program = self.program
        if program is not None and Path(program).is_relative_to(self.root):
            program = str(Path(program).relative_to(self.root))
        return replace(self, root=str(root), program=program)


def locate_program(
    program: str | None,
    command: Sequence[str] | None,
    root: Path,
    *,
    metric_names: Sequence[str],
    output: OutputRule,
    grace_s: float = 30.0,
) -> ProgramSource:
    """Find a program without running it.

    Args:
        program: The file, relative to the root.
        command: The template; None: W&B's default, which needs ``program``.
        root: The project's root.
        metric_names: What it is to report.
        output: How metrics stand in what it prints.
        grace_s: Between asking it to end and SIGKILL.

    Raises:
        PoolError: If the file, or what is to run it, is not there.
    """
    command = tuple(command or DEFAULT_COMMAND)
    if program is not None and not (root / program).is_file():
        raise PoolError(f"there is no file {program} in {root}; paths start where sweeper runs")
    if program is None and PROGRAM in command:
        raise PoolError(f"{PROGRAM} has no meaning without program:; add program: train.py")
    _check_executable(command, program, root)
    return ProgramSource(
        command=command,
        program=program,
        root=str(root.resolve()),
        metric_names=tuple(metric_names),
        output=output,
        grace_s=grace_s,
    )


def _check_executable(command: Sequence[str], program: str | None, root: Path) -> None:
    """Check that what the operating system is to start is there."""
    words = list(command)
    if words[0] == ENV:  # NAME=value and options may stand between env and what it starts
        words = [word for word in words[1:] if "=" not in word and not word.startswith("-")]
    first = words[0] if words else ""
    if first == PROGRAM:
        assert program is not None  # checked above
        file = root / program
        if not os.access(file, os.X_OK):
            raise PoolError(
                f"{program} is not executable; run chmod +x {program}, or name what runs it, as in "
                f'command: [bash, "{PROGRAM}", "${{args}}"]'
            )
    elif first != INTERPRETER and first and not VARIABLE.search(first):
        _check_found(first, root)


def _check_found(name: str, root: Path) -> None:
    """Check that a literal executable is there and may be run."""
    if "/" in name:
        file = root / name
        if not file.is_file():
            raise PoolError(f"there is no file {name} in {root}; correct the command")
        if not os.access(file, os.X_OK):
            raise PoolError(f"{name} is not executable; run chmod +x {name}")
    elif shutil.which(name) is None:
        mend = (
            f'write "{INTERPRETER}" for the Python that runs sweeper, or ' if _python(name) else ""
        )
        raise PoolError(f"{name} is not found on PATH; {mend}install it or correct the command")


def _python(name: str) -> bool:
    return name.startswith("python")
