"""The code of a sweep as it was when the sweep began, in a folder of its own: the mirror.

Owns: ``<state>/snapshots/<digest>/``. It holds copies of exactly the hashed files of the project
and links to everything else in it, so that paths relative to ``__file__`` keep working. Code is run
from there, so editing the project changes nothing in a sweep that runs. Imports the standard
library and ``sweeper``'s values only.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sweeper.store.code_closure import CodeClosure

__all__ = ["Snapshot", "remove_snapshot", "stale_snapshots", "take_snapshot"]

_PROJECT = "."
_MARK = ".sweeper-snapshot"
_NOT_LINKED = frozenset((".git", "__pycache__", _MARK))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A mirror of a project.

    Attributes:
        folder: The mirror, absolute; it stands for the project's folder.
        project: The project's folder, absolute.
        files: POSIX path below the folder and SHA-256 of each copied file.
    """

    folder: Path
    project: Path
    files: tuple[tuple[str, str], ...]

    def bring_back(self) -> int:
        """Move what trials wrote beside their code into the project, and return how many files.

        A script that writes next to its own file writes into the mirror. Nothing in the project is
        overwritten that is newer.
        """
        moved = 0
        copied = {name for name, _ in self.files}
        for folder, subfolders, names in os.walk(self.folder):
            subfolders[:] = [name for name in subfolders if name != "__pycache__"]
            for name in names:
                path = Path(folder, name)
                relative = path.relative_to(self.folder)
                if path.is_symlink() or name == _MARK or relative.as_posix() in copied:
                    continue
                moved += _moved(path, self.project / relative)
        return moved


def _moved(path: Path, target: Path) -> bool:
    with suppress(OSError):
        if target.exists() and target.stat().st_mtime_ns > path.stat().st_mtime_ns:
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, target)
        return True
    return False


def take_snapshot(code: CodeClosure, project: Path, state: Path) -> Snapshot:
    """Mirror a project, or find the mirror that is there.

    Files outside of the project, of packages that are installed editable, say, stay where they are.

    Args:
        code: The hashed files.
        project: Its folder.
        state: Where the mirrors of this user are.

    Raises:
        OSError: If it cannot be made, or a file is not what was hashed any more.
    """
    project = project.resolve()
    files = {file.relpath: file.sha256 for file in code.files if file.root == _PROJECT}
    name = hashlib.sha256(repr((str(project), sorted(files.items()))).encode()).hexdigest()[:32]
    folder = state.resolve() / "snapshots" / name
    found = Snapshot(folder, project, tuple(sorted(files.items())))
    if folder.is_dir():
        if _is_whole(found):
            _refresh(project, folder, files)
            os.utime(folder / _MARK)
            return found
        remove_snapshot(folder)
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=folder.parent))
    try:
        _copy_all(project, fresh, files)
        _refresh(project, fresh, files)
        (fresh / _MARK).touch()
        try:
            fresh.rename(folder)
        except OSError:
            if not _is_whole(found):  # else somebody was faster
                raise
            remove_snapshot(fresh)
    except BaseException:
        remove_snapshot(fresh)
        raise
    return found


def _copy_all(project: Path, folder: Path, files: Mapping[str, str]) -> None:
    for relpath, digest in files.items():
        content = (project / relpath).read_bytes()
        if hashlib.sha256(content).hexdigest() != digest:
            raise OSError(0, "changed while the sweep began; run it again", str(project / relpath))
        target = folder / relpath
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        shutil.copymode(project / relpath, target)


def _refresh(project: Path, folder: Path, files: Mapping[str, str]) -> None:
    """Link what is in the project now beside the copied files, and drop links that lead nowhere."""
    folders = {PurePosixPath(_PROJECT)}
    for relpath in files:
        folders.update(PurePosixPath(relpath).parents)
    for relative in sorted(folders):
        here, there = project / relative, folder / relative
        for entry in os.scandir(there):
            if entry.is_symlink() and not os.path.lexists(here / entry.name):
                os.unlink(entry.path)
        for entry in os.scandir(here):
            inside = (relative / entry.name).as_posix()
            wanted = entry.name not in _NOT_LINKED and PurePosixPath(inside) not in folders
            if wanted and inside not in files and not os.path.lexists(there / entry.name):
                if (here / entry.name).resolve() in (folder, *folder.parents):
                    continue  # the state folder may be inside of the project
                with suppress(FileExistsError):
                    os.symlink(here / entry.name, there / entry.name)


def _is_whole(snapshot: Snapshot) -> bool:
    """Tell whether every copied file is what was hashed."""
    try:
        return (snapshot.folder / _MARK).is_file() and all(
            hashlib.sha256((snapshot.folder / relpath).read_bytes()).hexdigest() == digest
            and not (snapshot.folder / relpath).is_symlink()
            for relpath, digest in snapshot.files
        )
    except OSError:
        return False


def stale_snapshots(state: Path, *, older_s: float) -> list[Path]:
    """List the mirrors that no sweep began with for so long, and what killed drivers left half.

    Args:
        state: The state folder of this user.
        older_s: Seconds since a sweep began with it.
    """
    folder = state / "snapshots"
    if not folder.is_dir():
        return []
    return [path for path in sorted(folder.iterdir()) if time.time() - _used_at(path) > older_s]


def _used_at(path: Path) -> float:
    for place in (path / _MARK, path):
        with suppress(OSError):
            return place.stat().st_mtime
    return time.time()


def remove_snapshot(path: Path) -> None:
    """Remove a mirror; what its links lead to stays."""
    shutil.rmtree(path, ignore_errors=True)
