"""Where this process runs: container, PID namespace, and so which of the driver's PIDs it knows.

Hints from /proc and the file system; never an error. Must not import other rooms or read a device.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Surroundings", "surroundings"]

# The inode of the first PID namespace: PROC_PID_INIT_INO, Linux, include/linux/proc_ns.h.
_FIRST_PID_NAMESPACE = 0xEFFFFFFC

# What a container leaves behind, with the name to call it.
_FILES = {".dockerenv": "docker", "run/.containerenv": "podman", ".singularity.d": "singularity"}
_CGROUPS = ("kubepods", "docker", "containerd", "lxc", "podman", "libpod", "garden")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known about the place of this process.

    Attributes:
        container: Its kind, as far as there are hints; None: there are none.
        first_pid_namespace: The driver's PIDs are this process's; None: cannot be told.
        capabilities: ``NVIDIA_DRIVER_CAPABILITIES``; None: not set.
        visible: ``CUDA_VISIBLE_DEVICES``; None: not set.
    """

    container: str | None
    first_pid_namespace: bool | None
    capabilities: str | None
    visible: str | None


def surroundings(environment: Mapping[str, str], root: Path = Path("/")) -> Surroundings:
    """Look around.

    Args:
        environment: Of this process.
        root: The root of the file system.
    """
    return Surroundings(
        container=_container(environment, root),
        first_pid_namespace=_first_pid_namespace(root),
        capabilities=environment.get("NVIDIA_DRIVER_CAPABILITIES"),
        visible=environment.get("CUDA_VISIBLE_DEVICES"),
    )


def _container(environment: Mapping[str, str], root: Path) -> str | None:
    for file, name in _FILES.items():
        if (root / file).exists():
            return name
    cgroup = _text(root / "proc" / "self" / "cgroup")
    named = next((name for name in _CGROUPS if name in cgroup), None)
    return named or environment.get("container") or None


def _first_pid_namespace(root: Path) -> bool | None:
    try:
        return os.stat(root / "proc" / "self" / "ns" / "pid").st_ino == _FIRST_PID_NAMESPACE
    except OSError:  # not Linux, or hidden
        return None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
