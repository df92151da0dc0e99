"""Starts or joins Ray, and says what goes to a cluster's nodes.

Imported by ``ray_pool.py`` only, and with it the owner of ray.
"""

from __future__ import annotations

import logging
import math
import os
import socket
from pathlib import Path
from typing import Any

import ray
import ray.exceptions

import sweeper
from sweeper.errors import PoolError
from sweeper.workers.slots import Resources, usable_cpus

__all__ = ["connect", "one_line"]

_KNOCK_S = 5.0
_OBJECT_STORE_BYTES = 100 * 2**20  # reports are small; Ray's default takes a third of the memory
_SHARED_ENV = ("OMP_NUM_THREADS", "CUDA_DEVICE_ORDER")  # a local Ray inherits them
_NOT_SHIPPED = [
    ".git",
    ".venv",
    "venv",
    "__pycache__",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
]


def connect(address: str | None, resources: Resources, root: str) -> None:
    """Start a Ray of our own, or join one that runs.

    Args:
        address: Of a running cluster; None: start a local one.
        resources: What the sweep file asks for.
        root: The project's root, which a cluster is sent.

    Raises:
        PoolError: If it cannot be started or joined.
    """
    quiet: dict[str, Any] = {
        "log_to_driver": False,
        "logging_level": logging.ERROR,
        "configure_logging": False,
    }
    try:
        if address is not None:
            _knock(address)
            ray.init(address=address, runtime_env=_shipment(root), **quiet)
            return
        asked = math.ceil((resources.workers or 0) * (resources.cpus or 1))
        ray.init(
            address="local",  # whatever RAY_ADDRESS says
            num_cpus=max(usable_cpus(), asked),
            include_dashboard=False,
            object_store_memory=_OBJECT_STORE_BYTES,
            **quiet,
        )
    except (ray.exceptions.RayError, OSError, RuntimeError, ValueError) as error:
        where = f"join the Ray cluster at {address!r}" if address else "start Ray"
        raise PoolError(
            f"could not {where}: {one_line(error)}; try --local to train without Ray"
        ) from error


def _shipment(root: str) -> dict[str, Any]:
    return {
        "working_dir": root,
        "py_modules": [str(Path(sweeper.__file__).parent)],
        "excludes": _NOT_SHIPPED,
        "env_vars": {name: os.environ[name] for name in _SHARED_ENV if name in os.environ},
    }


def _knock(address: str) -> None:
    """Find out in seconds that nobody listens; Ray itself waits for minutes.

    Raises:
        OSError: If there is an address to knock at and nobody answers.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=_KNOCK_S).close()


def one_line(error: BaseException) -> str:
    """Return an error in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:300]
