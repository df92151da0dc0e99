"""What trains: ``objective``, or ``program`` and ``command``.

Owns: the shape of each and the rules between them. Runs and imports nothing of it. Imports
pydantic: load lazily.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import PlainSerializer, PlainValidator, ValidationInfo

from sweeper.config.problems import (
    Problem,
    Several,
    kind,
    listed,
    nearest,
    shown,
)
from sweeper.config.section import defined, note

# Source of the macros: https://docs.wandb.ai/guides/sweeps/sweep-config-keys, command; args_dict,
# args_no_equals and args_override_hydra are in W&B's client only, args_dotted is ours.
MACROS = (
    "env",
    "interpreter",
    "program",
    "args",
    "args_no_boolean_flags",
    "args_no_hyphens",
    "args_no_equals",
    "args_append_hydra",
    "args_override_hydra",
    "args_json",
    "args_json_file",
    "args_dict",
    "args_dotted",
)
DEFAULT_COMMAND = ("${env}", "${interpreter}", "${program}", "${args}")
_PROGRAM = "${program}"
_MACRO = re.compile(r"\$\{([^{}]*)\}")
_VARIABLE = re.compile(r"envvar:[A-Z0-9_]+")
_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


def is_objective(text: str) -> str:
    """Check the shape of an objective: a file or a module, a colon, a function.

    Raises:
        ValueError: If it is none.
    """
    place, _, function = text.partition(":")
    if text.count(":") != 1 or not place:
        mend = f"; write {text}:NAME" if ":" not in text else ""
        what = "must be path/to/file.py:function or package.module:function"
        raise ValueError(f"{what}, got {shown(text)}{mend}")
    if not function.isidentifier():
        raise ValueError(f"{shown(function)} behind the colon is no function name")
    if not place.endswith(".py") and not _MODULE.fullmatch(place):
        raise ValueError(f"{shown(place)} is neither a .py file nor a module name")
    return text


def read_command(raw: object, info: ValidationInfo) -> tuple[str, ...] | None:
    """Read ``command``: a list of text in which whole elements may be macros.

    Raises:
        ValueError: With everything that is wrong.
    """
    if raw is None:
        return None
    if isinstance(raw, str):
        raise ValueError(f"must be a list, got {shown(raw)}; write {_as_list(raw)}")
    if not isinstance(raw, list | tuple):
        raise ValueError(f"must be a list of text, got {kind(raw)}")
    if not raw or raw[0] == "":
        example = ", ".join(f'"{it}"' for it in DEFAULT_COMMAND)
        raise ValueError(f"needs something to run; W&B's default is [{example}]")
    problems = []
    for index, element in enumerate(raw):
        what = _element_problem(element)
        if what:
            problems.append(Problem((index,), what))
        elif what := _literal_macro(element):
            note(info, ("command", index), what)
    if problems:
        raise Several(problems)
    return tuple(raw)


def _as_list(text: str) -> str:
    """Write a command line as the list that it means."""
    try:
        parts = shlex.split(text)
    except ValueError:
        parts = text.split()
    return f"[{', '.join(shown(part) for part in parts)}]"


def _element_problem(element: object) -> str | None:
    """Say what is wrong with one element; None: nothing."""
    if not isinstance(element, str):
        mend = f'; quote it: "{shown(element)}"' if isinstance(element, int | float) else ""
        return f"must be text, got {kind(element)}{mend}"
    macro = _MACRO.fullmatch(element)
    if macro is None or macro[1] in MACROS or _VARIABLE.fullmatch(macro[1]):
        return None
    known = f"there are: {', '.join(MACROS)}, envvar:NAME with NAME in capitals"
    near = nearest(macro[1], MACROS)
    mend = f"; did you mean ${{{near}}}?" if near else ""
    return f"{shown(element)} is no macro; {known}{mend}"


def _literal_macro(element: str) -> str | None:
    """Say that a macro inside a longer text is none; None: there is none."""
    if _MACRO.fullmatch(element):
        return None
    inside = [found[0] for found in _MACRO.finditer(element) if found[1] in MACROS]
    if not inside:
        return None
    return f"{inside[0]} inside a longer text is left as it is, as in W&B; give it an own element"


def check_trainee(given: Mapping[str, bool], command: Sequence[str] | None) -> None:
    """Check that there is exactly one way to train.

    Args:
        given: Whether the file has ``objective``, ``program`` and ``command``.
        command: What was read; None: nothing.

    Raises:
        Several: Otherwise, with places from the top of the file.
    """
    if not any(given.values()):
        what = (
            "does not say what to train; add objective: train.py:train (a Python function), "
            'program: train.py (a script), or command: [bash, train.sh, "${args}"]'
        )
        raise Several([Problem((), what, absolute=True)])
    if given["objective"]:
        others = [key for key in ("program", "command") if given[key]]
        if others:
            what = f"stands beside {listed(others, 'and')}; keep one way to train"
            raise Several([Problem(("objective",), what, absolute=True)])
    if command is not None and not given["program"] and _PROGRAM in command:
        what = "needs program: to know what it stands for; add program: train.py"
        raise Several([Problem((list(command).index(_PROGRAM),), f"{_PROGRAM} {what}")])


def _written_command(command: tuple[str, ...] | None) -> list[str] | None:
    """Write ``command`` as it is read."""
    return None if command is None else list(command)


# The template of the command, as the file has it.
CommandField = Annotated[
    tuple[str, ...] | None,
    PlainValidator(read_command),
    PlainSerializer(_written_command),
    defined("command"),
]
