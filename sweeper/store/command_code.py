"""What of a project a program's command line names: files, modules, environment variables.

Owns: reading the unexpanded template of a command. It errs towards more files: one file too many is
a miss, one too few is a wrong answer. Runs nothing. Imports nothing but the standard library and
``sweeper``'s values.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from sweeper.model import Uncacheable
from sweeper.store.secret import secret_in

__all__ = ["CommandCode", "code_named_by", "refused_variable", "variables_of"]

_PROGRAM = "${program}"
_MODULE = "-m"
# Source: https://docs.wandb.ai/guides/sweeps/define-sweep-configuration, "command macros"
_VARIABLE = re.compile(r"\$\{envvar:([A-Z0-9_]*)\}")
_DOTTED = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
# What separates a path from the rest: --conf=net.yaml, bash -c "python train.py; ./after.sh"
_BETWEEN = re.compile(r"[\s='\"`;&|<>()]+")
# Every trial is given its own: they follow from the key, or name places.
_OF_THE_TRIAL = frozenset(
    (
        *("SWEEPER_SEED", "SWEEPER_MAX_STEPS", "SWEEPER_TRIAL_DIR", "SWEEPER_PARAMS"),
        *("SWEEPER_CHANNEL", "WANDB_DIR", "WANDB_MODE", "WANDB_RUN_ID", "WANDB_SWEEP_ID"),
        "WANDB_SWEEP_PARAM_PATH",
    )
)


@dataclass(frozen=True, slots=True)
class CommandCode:
    """The code that a command line names.

    Attributes:
        entry: What runs: the first file that is named; None: a module runs, or no file is named.
        further: The other files, in their order.
        modules: Names that are run as modules, ``python -m pkg.train``.
    """

    entry: Path | None
    further: tuple[Path, ...] = ()
    modules: tuple[str, ...] = ()


def code_named_by(
    command: Sequence[str], program: Path | None, root: Path, env: Mapping[str, str]
) -> CommandCode:
    """Find the files below the root, and the modules, that a command line names.

    Args:
        command: The template, macros unexpanded.
        program: What ``${program}`` stands for; it belongs to the code even if nothing names it.
        root: The project's folder, resolved, where the command runs.
        env: For ``${envvar:NAME}``.
    """
    if program is not None:
        program = program.parent.resolve() / program.name
    words = [word for element in command for word in _words(element, env)]
    found: list[Path | str] = []
    for before, word in pairwise(("", *words)):
        if word == _PROGRAM and program is not None:
            found.append(program)
        elif before == _MODULE and _DOTTED.fullmatch(word):
            found.append(word)
        elif (file := _file_below(root, word)) is not None:
            found.append(file)
    if program is not None:
        found.append(program)
    files = [one for one in dict.fromkeys(found) if isinstance(one, Path)]
    entry = files.pop(0) if files and isinstance(found[0], Path) else None
    modules = tuple(one for one in dict.fromkeys(found) if isinstance(one, str))
    return CommandCode(entry, tuple(files), modules)


def _words(element: str, env: Mapping[str, str]) -> Iterator[str]:
    """Yield what of an element may name something: the whole of it, then its parts."""
    expanded = _VARIABLE.sub(lambda found: env.get(found[1], found[1]), element)
    _, _, value = expanded.partition("=")
    parts = _BETWEEN.split(expanded)
    yield from filter(None, [expanded, value, *(parts if parts != [expanded] else ())])


def _file_below(root: Path, word: str) -> Path | None:
    """Return the project file that a word names; None: it names none."""
    if not os.path.isfile(root / word):
        return None
    path = root / word
    path = path.parent.resolve() / path.name
    if not path.is_relative_to(root):
        return None
    folders = path.relative_to(root).parents
    environment = any((root / folder / "pyvenv.cfg").is_file() for folder in folders)
    return None if environment else path


def variables_of(command: Sequence[str]) -> tuple[str, ...]:
    """Return the variables that a template takes from the environment, ascending."""
    names = {name for element in command for name in _VARIABLE.findall(element)}
    return tuple(sorted(names - _OF_THE_TRIAL))


def refused_variable(names: Sequence[str], env: Mapping[str, str]) -> Uncacheable | None:
    """Say which of these variables keeps a sweep out of the store; None: all may enter the key."""
    for name in names:
        macro = f"${{envvar:{name}}}"
        if name not in env:
            return Uncacheable(f"env.{name}", f"is not set, and the command has {macro}; set it")
        if secret_in({name: env[name]}) is not None:
            why = f"looks like a secret; take {macro} out of the command, the program can read it"
            return Uncacheable(f"env.{name}", why)
    return None
