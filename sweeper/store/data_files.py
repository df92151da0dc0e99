"""The content of the data that a sweep declares in ``cache.data``.

Owns: the items of the section ``data``, hashing, and the memory of digests that spares hashing the
same file twice. Imports nothing but the standard library and ``sweeper``'s values.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sweeper.model import Uncacheable
from sweeper.store.globbing import expand, files_below

__all__ = ["DataFiles", "DataVersion", "DigestMemo", "read_data"]

_YOUNG_S = 2.0  # file systems with coarse times cannot tell two writes this close
_FOLDER = b"sweeper/folder/1\0"
_MEMO_FILE = "digests.json"

# device, inode, size, mtime_ns, ctime_ns
_Stamp = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DataVersion:
    """Data that is known by a declared version instead of its content."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class DataFiles:
    """What the declared data holds.

    Attributes:
        items: ``[name, "content" or "version", digest or version, size in bytes or None]`` each, in
            the order of declaration.
        digests: ``(name, digest)`` of every single file, to tell which one changed.
    """

    items: tuple[tuple[str, str, str, int | None], ...] = ()
    digests: tuple[tuple[str, str], ...] = ()

    def document(self) -> dict[str, object]:
        """Return the section ``data``."""
        return {"items": self.items}

    def paths(self, root: Path) -> frozenset[Path]:
        """Return the files of the declared data, links resolved.

        Args:
            root: The project's folder.
        """
        return frozenset((root / name).resolve() for name, _ in self.digests)

    def first_difference(self, later: DataFiles) -> str | None:
        """Return the name of a file that is not the same in both; None: all are."""
        if self == later:
            return None
        differing = set(self.digests) ^ set(later.digests)
        return min(name for name, _ in differing) if differing else "cache.data"


class DigestMemo:
    """Remembers digests per path and stamp, in memory and in one JSON file.

    A lost, broken or unwritable file costs time only.

    Args:
        folder: Where the file is kept; made when first written. None: memory only.
        now: Seconds since 1970.
    """

    def __init__(self, folder: Path | None, now: Callable[[], float] = time.time) -> None:
        self._file = None if folder is None else folder / _MEMO_FILE
        self._now = now
        self._known = {} if self._file is None else _read_memo(self._file)
        self._dirty = False

    def digest(self, path: Path) -> tuple[str, int]:
        """Return the SHA-256 of a file's content, 64 hex digits, and its size in bytes.

        Raises:
            OSError: If it is not there, not readable or no regular file.
        """
        stamp = _stamp(os.stat(path), path)
        known = self._known.get(str(path))
        if known is not None and known[0] == stamp:
            return known[1], stamp[2]
        with open(path, "rb") as file:
            before = _stamp(os.fstat(file.fileno()), path)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            after = _stamp(os.fstat(file.fileno()), path)
        if before == after and self._now() - max(after[3:]) / 1e9 >= _YOUNG_S:
            self._known[str(path)] = (after, digest)
            self._dirty = True
        return digest, after[2]

    def save(self) -> None:
        """Write what is new, together with what others wrote meanwhile."""
        if self._file is None or not self._dirty:
            return
        merged = _read_memo(self._file) | self._known
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            _replace(self._file, json.dumps(merged))
            self._dirty = False


def _stamp(status: os.stat_result, path: Path) -> _Stamp:
    if not stat.S_ISREG(status.st_mode):
        raise OSError(0, "is no regular file", str(path))
    return (
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )


def _read_memo(file: Path) -> dict[str, tuple[_Stamp, str]]:
    try:
        kept = json.loads(file.read_bytes())
        return {
            path: (tuple(stamp), digest)
            for path, (stamp, digest) in kept.items()
            if isinstance(digest, str)
        }
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}


def _replace(file: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=file.name)
    try:
        with open(handle, "w", encoding="ascii") as new:
            new.write(text)
        os.replace(name, file)
    except OSError:
        os.unlink(name)
        raise


def read_data(
    sources: Sequence[str | DataVersion], root: Path, memo: DigestMemo
) -> DataFiles | Uncacheable:
    """Hash the declared data.

    Args:
        sources: Paths and globs, relative to the root or absolute, and declared versions.
        root: The project's folder.
        memo: What is known already; the caller saves it.

    Returns:
        The items; ``Uncacheable`` when something is missing or cannot be read.
    """
    items: list[tuple[str, str, str, int | None]] = []
    digests: list[tuple[str, str]] = []
    for source in sources:
        if isinstance(source, DataVersion):
            items.append((source.name, "version", source.version, None))
            continue
        found = expand(root, source)
        if not found:
            return Uncacheable("data", f"{source} is missing; fetch it, or correct cache.data")
        for path in found:
            name = _name(path, root, source)
            try:
                files = tuple(_content(path, name, memo))
            except OSError as error:
                return Uncacheable("data", f"{error.filename or name}: {error.strerror}")
            if not files:
                return Uncacheable("data", f"{name} holds no file")
            digests += ((file, digest) for file, digest, _ in files)
            items.append(_item(path, name, files))
    return DataFiles(tuple(items), tuple(digests))


def _name(path: Path, root: Path, source: str) -> str:
    """Name a file for the key, without the folders of this machine.

    Outside of the project the parts that a glob leaves open are kept: they may be labels.
    """
    if path.is_relative_to(root):
        return path.relative_to(root).as_posix()
    parts = Path(source).parts
    open_at = next((at for at, part in enumerate(parts) if set(part) & set("*?[")), len(parts) - 1)
    fixed = Path(*parts[:open_at])
    return path.relative_to(fixed).as_posix() if path.is_relative_to(fixed) else path.name


def _content(path: Path, name: str, memo: DigestMemo) -> Iterator[tuple[str, str, int]]:
    for file in files_below(path):
        inside = "" if file == path else f"/{file.relative_to(path).as_posix()}"
        yield (f"{name}{inside}", *memo.digest(file))


def _item(
    path: Path, name: str, files: Sequence[tuple[str, str, int]]
) -> tuple[str, str, str, int | None]:
    if not path.is_dir():
        return name, "content", files[0][1], files[0][2]
    listed = json.dumps(sorted((file[len(name) :], digest, size) for file, digest, size in files))
    digest = hashlib.sha256(_FOLDER + listed.encode("ascii")).hexdigest()
    return name, "content", digest, sum(size for _, _, size in files)
