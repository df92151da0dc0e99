"""What a program finds: its environment, and the files of its params.

Owns: the ``SWEEPER_*`` and ``WANDB_*`` variables of a trial. Must not import other rooms.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sweeper.model import Order, Params
from sweeper.workers.guard import FOLDER, without_own_ray

__all__ = ["PARAMS", "private_folder", "program_environment", "write_params", "yaml_text"]

PARAMS = "params.json"
_CHILD = Path(__file__).with_name("child")  # holds sitecustomize.py, which Python runs at its start
_LONGEST_FOLDER = 80  # bytes; the address of a Unix socket has 104 (macOS) to 108 with its name


def private_folder(prefix: str = "sweeper-") -> tempfile.TemporaryDirectory[str]:
    """Make a folder that only this user can enter, short enough for the name of a socket."""
    base = os.environ.get(FOLDER) or tempfile.gettempdir()
    if len(os.fsencode(base)) > _LONGEST_FOLDER:
        base = "/tmp"
    return tempfile.TemporaryDirectory(prefix=prefix, dir=base, ignore_cleanup_errors=True)


def write_params(folder: Path, params: Params) -> Path:
    """Write the params of a trial into its folder.

    Raises:
        OSError: If that is impossible.
    """
    file = folder / PARAMS
    file.write_text(json.dumps(params) + "\n", encoding="utf-8")
    return file


def program_environment(order: Order, *, private: Path) -> dict[str, str]:
    """Return the environment of a trial's program, and write what it names.

    Args:
        order: The trial.
        private: A folder for what is needed only while it runs.

    Source of the ``WANDB_*`` variables: https://docs.wandb.ai/guides/track/environment-variables
    and what ``wandb agent`` 0.31 gives its children; with ``offline`` nothing needs an account or a
    network, and ``wandb sync`` works on the trial's folder afterwards.

    Raises:
        OSError: If a file cannot be written.
    """
    folder = Path(order.folder).resolve()
    sweep, trial = folder.parts[-2:]
    wandb_params = private / "wandb-params.yaml"
    values = {name: {"value": value} for name, value in order.params.items()}
    wandb_params.write_text(yaml_text(values) + "\n", encoding="utf-8")
    env = without_own_ray(os.environ)
    env.pop("SWEEPER_MAX_STEPS", None)
    if order.max_steps is not None:
        env["SWEEPER_MAX_STEPS"] = str(order.max_steps)
    if order.peers is not None:
        env.update(order.peers.variables())
    env.setdefault("PYTHONUNBUFFERED", "1")  # what is printed is to arrive when it is printed
    behind = env.get("PYTHONPATH")
    env["PYTHONPATH"] = f"{_CHILD}{os.pathsep}{behind}" if behind else str(_CHILD)
    return env | {
        "SWEEPER_SEED": str(order.seed),
        "SWEEPER_TRIAL_DIR": str(folder),
        "SWEEPER_PARAMS": str(folder / PARAMS),
        "SWEEPER_CHANNEL": str(private / "channel"),
        "WANDB_MODE": "offline",
        "WANDB_SWEEP_ID": sweep,
        "WANDB_RUN_ID": f"{sweep}-{trial}",
        "WANDB_SWEEP_PARAM_PATH": str(wandb_params),
        "WANDB_DIR": str(folder),
    }


def yaml_text(value: Any) -> str:
    """Write a value so that YAML 1.1 reads the same: JSON but for floats.

    ``1e-05`` is text there: a float needs a dot (https://yaml.org/type/float.html).
    """
    match value:
        case float() if math.isnan(value):
            return ".nan"
        case float() if math.isinf(value):
            return ".inf" if value > 0 else "-.inf"
        case float():
            text = repr(float(value))
            return text if "." in text else text.replace("e", ".0e")
        case Mapping():
            inner = (f"{yaml_text(str(name))}: {yaml_text(one)}" for name, one in value.items())
            return f"{{{', '.join(inner)}}}"
        case list() | tuple():
            return f"[{', '.join(map(yaml_text, value))}]"
        case _:
            return json.dumps(value, ensure_ascii=False)
