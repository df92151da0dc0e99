"""The macros of a program's command: what each element becomes on the command line.

The rules are W&B's (https://docs.wandb.ai/guides/sweeps/define-sweep-configuration, "command
macros"; ``create_sweep_command_args`` of wandb 0.31): a macro is a whole element, values are
written as Python's ``str`` writes them, and ``${envvar:NAME}`` is replaced inside texts. Must not
import other rooms.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sweeper.model import Params

__all__ = ["ENV", "INTERPRETER", "PROGRAM", "VARIABLE", "expand"]

ENV = "${env}"
INTERPRETER = "${interpreter}"
PROGRAM = "${program}"
VARIABLE = re.compile(r"\$\{envvar:([A-Z0-9_]*)\}")


def expand(
    command: Sequence[str],
    params: Params,
    *,
    program: str | None,
    params_file: str,
    env: Mapping[str, str],
) -> list[str]:
    """Return the command line of a trial.

    Args:
        command: The template.
        params: The trial's; their order is that of the arguments.
        program: What ``${program}`` stands for.
        params_file: What ``${args_json_file}`` stands for: a JSON file of the params.
        env: Where ``${envvar:NAME}`` looks; a name that is not there stays as a bare name.

    ``${interpreter}`` is the Python that runs ``sweeper``, not whatever ``python`` is on the path:
    a virtual environment need not be activated.
    """
    whole: dict[str, list[str]] = {
        ENV: ["/usr/bin/env"],
        INTERPRETER: [sys.executable],
        PROGRAM: [] if program is None else [program],
        "${args_json_file}": [params_file],
    }
    argv: list[str] = []
    for element in command:
        if element in whole:
            argv += whole[element]
        elif element in _ARGUMENTS:
            argv += _ARGUMENTS[element](params)
        else:
            argv.append(VARIABLE.sub(lambda found: env.get(found[1], found[1]), element))
    return argv


def _no_boolean_flags(params: Params) -> Iterator[str]:
    for name, value in params.items():
        if value is not False:
            yield f"--{name}" if value is True else f"--{name}={value}"


def _no_equals(params: Params) -> Iterator[str]:
    for name, value in params.items():
        yield from (f"--{name}", str(value))


def _dotted(params: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """Give each leaf an argument of its own: text as it is, the rest in JSON's notation."""
    for name, value in params.items():
        if isinstance(value, Mapping) and value:
            yield from _dotted(value, f"{above}{name}.")
        else:
            yield f"--{above}{name}={value if isinstance(value, str) else json.dumps(value)}"


_ARGUMENTS: dict[str, Callable[[Params], Iterator[str]]] = {
    "${args}": lambda params: (f"--{name}={value}" for name, value in params.items()),
    "${args_no_boolean_flags}": _no_boolean_flags,
    "${args_no_hyphens}": lambda params: (f"{name}={value}" for name, value in params.items()),
    "${args_no_equals}": _no_equals,
    "${args_append_hydra}": lambda params: (f"+{name}={value}" for name, value in params.items()),
    "${args_override_hydra}": lambda params: (
        f"++{name}={value}" for name, value in params.items()
    ),
    "${args_json}": lambda params: iter((json.dumps(params),)),
    "${args_dict}": lambda params: iter((str(dict(params)),)),
    "${args_dotted}": _dotted,
}
