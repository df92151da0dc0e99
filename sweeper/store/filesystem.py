"""Where a SQLite store may be: local file systems only.

Owns: the refusal of network file systems. SQLite's locks do not
hold there, and a database is damaged without notice (https://www.sqlite.org/howtocorrupt.html,
section 2; https://www.sqlite.org/wal.html: all processes must be on one host). Imports no
SQLAlchemy.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from sweeper.errors import CacheError
from sweeper.places import state_folder

__all__ = ["mounts", "refuse_network", "state_folder"]

_log = logging.getLogger(__name__)

_NETWORK = frozenset(
    ("nfs", "nfs4", "cifs", "smb3", "smbfs", "lustre", "gpfs", "beegfs", "ceph", "afs", "9p")
)


def refuse_network(folder: Path, mounted: Iterable[tuple[str, str]]) -> None:
    """Stop where SQLite would be damaged; warn on FUSE, which may be local or not.

    Args:
        folder: Absolute, without symbolic links; need not exist.
        mounted: ``(mount point, file system)``, later ones over earlier ones; see ``mounts``.

    Raises:
        CacheError: If the folder is on a network file system.
    """
    kind = _file_system(folder, mounted)
    if kind in _NETWORK:
        raise CacheError(
            f"store: {folder} is on {kind}, a network file system, where SQLite corrupts; "
            "set SWEEPER_STORE or cache.url to a local path, as in sqlite:////scratch/ann/store.db"
        )
    if kind.startswith("fuse"):
        _log.warning(
            "store: %s is on %s; if that is a network file system, SQLite corrupts there: "
            "set SWEEPER_STORE to a local path",
            folder,
            kind,
        )


def mounts() -> list[tuple[str, str]]:
    """List what is mounted here as ``(mount point, file system)``, in order of mounting."""
    if sys.platform == "linux":
        try:
            lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return []
        return [_mount(line) for line in lines.splitlines()]
    import psutil  # only where there is no mountinfo

    return [(part.mountpoint, part.fstype) for part in psutil.disk_partitions(all=True)]


def _mount(line: str) -> tuple[str, str]:
    """Read one line of mountinfo: the fifth field, and the first one after the hyphen."""
    before, _, after = line.partition(" - ")
    point = re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), before.split()[4])
    return point, after.split()[0]


def _file_system(folder: Path, mounted: Iterable[tuple[str, str]]) -> str:
    """Return the type of the file system with the longest mount point above a folder."""
    best, kind = -1, ""
    for point, found in mounted:
        depth = len(Path(point).parts)
        if depth >= best and folder.is_relative_to(point):
            best, kind = depth, found
    return kind.lower()
