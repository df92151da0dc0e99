"""Starts or joins Ray, says what goes to a cluster's nodes, and notices when Ray itself is gone.

Imported by ``ray_pool.py`` only, and with it the owner of ray.
"""

from __future__ import annotations

import logging
import math
import os
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import ray
import ray.exceptions

import sweeper
from sweeper.errors import PoolError
from sweeper.workers.guard import Guard
from sweeper.workers.program_environment import private_folder
from sweeper.workers.slots import Node, Resources, usable_cpus

__all__ = ["Cluster", "one_line"]

_KNOCK_S = 5.0
_LOOK_S = 2.0  # so often Ray's own processes are looked at
# Without its control plane for so long Ray ends this very process, without a word to the sweep.
_RAYS_PATIENCE = "RAY_gcs_rpc_server_reconnect_timeout_s"
_RAYS_PATIENCE_S = 60.0
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


class Cluster:
    """The Ray that a pool works with: one of its own, or one that was running already.

    Args:
        address: Of a running cluster; None: start a local one.
        resources: What the sweep file asks for.
        root: The project's root, which a cluster is sent.

    Raises:
        PoolError: If it cannot be started or joined.
    """

    def __init__(self, address: str | None, resources: Resources, root: str) -> None:
        self._address = address
        self._resources = resources
        self._root = root
        self._looked_s = self._heard_s = time.monotonic()
        self._patience_s = float(os.environ.get(_RAYS_PATIENCE, _RAYS_PATIENCE_S))
        self._knocked_at: str | None = None
        self._folder = self._guard = None
        if address is None:
            self._folder = private_folder("sweeper-ray-")
            self._guard = Guard(self._folder.name)
        try:
            self.connect()
        except BaseException:
            self.disconnect()
            raise

    @property
    def own(self) -> bool:
        """Tell whether it was started here."""
        return self._address is None

    def connect(self) -> None:
        """Start or join it.

        Raises:
            PoolError: If that is impossible.
        """
        quiet: dict[str, Any] = {
            "log_to_driver": False,
            "logging_level": logging.ERROR,
            "configure_logging": False,
        }
        try:
            if self._address is not None:
                _knock(self._address)
                ray.init(address=self._address, runtime_env=_shipment(self._root), **quiet)
                self._knocked_at = ray.get_runtime_context().gcs_address
            else:
                ray.init(
                    address="local",  # whatever RAY_ADDRESS says
                    num_cpus=max(usable_cpus(), self._asked_cpus()),
                    include_dashboard=False,
                    object_store_memory=_OBJECT_STORE_BYTES,
                    _temp_dir=None if self._folder is None else self._folder.name,
                    **quiet,
                )
        except (ray.exceptions.RayError, OSError, RuntimeError, ValueError) as error:
            where = f"join the Ray cluster at {self._address!r}" if self._address else "start Ray"
            raise PoolError(
                f"could not {where}: {one_line(error)}; try --local to train without Ray"
            ) from error

    def _asked_cpus(self) -> int:
        return math.ceil((self._resources.workers or 0) * (self._resources.cpus or 1))

    def nodes(self) -> list[Node]:
        """Return the machines on which workers may sit, now.

        Raises:
            OSError: If Ray's control plane does not answer.
        """
        there = []
        for node in self._table():
            labels = node.get("Labels", {})
            fits = all(labels.get(name) == value for name, value in self._resources.labels)
            if node["Alive"] and fits:
                has = node["Resources"]
                memory = has.get("memory", math.inf)
                cpus, gpus = has.get("CPU", 0.0), has.get("GPU", 0.0)
                there.append(Node(node["NodeID"], cpus, gpus, memory))
        return there

    def has_lost(self, node: str) -> bool:
        """Tell whether a machine has left: Ray knows it, or nobody there answers any more.

        Ray itself needs half a minute to find out.
        """
        with suppress(ray.exceptions.RayError, RuntimeError, OSError):
            for each in self._table():
                if each["NodeID"] == node and each["Alive"]:
                    where = (each["NodeManagerAddress"], each["NodeManagerPort"])
                    socket.create_connection(where, timeout=_KNOCK_S).close()
                    return False
        return True

    def _table(self) -> list[dict[str, Any]]:
        """Ask Ray for its nodes, after a knock: without its control plane the question hangs."""
        if self._knocked_at is not None:
            _knock(self._knocked_at)
        table: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call] # Ray's
        return table

    def trouble(self) -> str | None:
        """Say what of Ray itself is gone; None: nothing, as far as one can see quickly.

        Raises:
            PoolError: If a cluster that was joined does not answer any more.
        """
        now_s = time.monotonic()
        if now_s - self._looked_s < _LOOK_S:
            return None
        self._looked_s = now_s
        if self.own:
            dead = ", ".join(_dead_processes())
            return f"Ray's {dead} died" if dead else None
        try:
            if self._knocked_at is not None:
                _knock(self._knocked_at)
            self._heard_s = now_s
        except OSError as error:
            silent_s = now_s - self._heard_s
            if silent_s > 2 / 3 * self._patience_s:
                raise PoolError(
                    f"the Ray cluster at {self._address!r} has not answered for {silent_s:.0f} s "
                    f"({one_line(error)}); run the same command again when it is back, and the "
                    "sweep goes on"
                ) from error
        return None

    def reconnect(self) -> None:
        """Start our own again.

        Raises:
            PoolError: If that is impossible.
        """
        ray.shutdown()
        self.connect()

    def disconnect(self) -> None:
        """Leave it; end it if it is our own. May be called twice."""
        ray.shutdown()
        if self._guard is not None:
            self._guard.close()
        if self._folder is not None:
            self._folder.cleanup()


def _dead_processes() -> list[str]:
    """Name the processes of a local Ray that are gone.

    ``Node.dead_processes`` is no public interface, and the only one: without it nothing is known.
    """
    with suppress(Exception):
        from ray._private import worker

        node: Any = worker._global_node
        return [name for name, _ in node.dead_processes()]
    return []


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
