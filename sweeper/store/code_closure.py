"""Which project files a trial uses, and their content.

Owns: the two policies, include and exclude, the limits, and hashing. Imports nothing but the
standard library and ``sweeper``'s values. Docs: docs/cache-key.md, "Code".
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from sweeper.model import Uncacheable
from sweeper.store.code_imports import ImportWalk
from sweeper.store.code_tree import tree_files
from sweeper.store.globbing import expand, files_below
from sweeper.store.import_memo import ImportMemo

__all__ = ["CodeClosure", "CodeFile", "CodePolicy", "CodeSpec", "read_code"]

_MOST_FILES = 20_000
_MOST_BYTES = 256 * 2**20
_PROJECT = "."


class CodePolicy(Enum):
    """How the files are found; the values are those of ``cache.code.policy``."""

    IMPORTS = "imports"
    TREE = "tree"


@dataclass(frozen=True, slots=True)
class CodeSpec:
    """What is asked for.

    Attributes:
        entry: The file that holds the objective, or the program; None: a module or nothing of the
            project is run.
        root: The project's folder.
        named: Further files below the root that a command names; imports of Python's are followed.
        modules: What a command runs by its name, ``python -m pkg.train``.
        policy: ``TREE`` is taken, too, where the entry or a file that is imported is no valid
            Python.
        include: Paths and globs below the root that belong to the code although nothing imports
            them; their own imports are followed.
        exclude: Paths and globs below the root that do not. The entry file always does.
        left_out: Files and folders that are no part of a tree: the sweep file, since what matters
            in it has its own sections, and what ``sweeper`` itself writes.
    """

    entry: Path | None
    root: Path
    named: tuple[Path, ...] = ()
    modules: tuple[str, ...] = ()
    policy: CodePolicy = CodePolicy.IMPORTS
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    left_out: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class CodeFile:
    """One file's content.

    Attributes:
        relpath: POSIX path below the root.
        sha256: Of the raw bytes, 64 hex digits.
        size: In bytes.
        root: ``.`` for the project; for files outside of it the name of the module they belong to.
    """

    relpath: str
    sha256: str
    size: int
    root: str = _PROJECT


@dataclass(frozen=True, slots=True)
class CodeClosure:
    """The files that a trial uses, ascending by root and path.

    Attributes:
        files: Their content.
        policy: How they were found.
        exclude: The globs that were left out, sorted: they name how this key is looser.
        imports: Top-level names of installed packages that the files import.
        folders: Where each root is on this machine; not part of the key.
    """

    files: tuple[CodeFile, ...]
    policy: CodePolicy
    exclude: tuple[str, ...]
    imports: tuple[str, ...]
    folders: tuple[tuple[str, Path], ...]

    def document(self, command: Sequence[str] | None) -> dict[str, object]:
        """Return the section ``code``: policy, files by root, and the unexpanded command."""
        roots: dict[str, list[object]] = {}
        for file in self.files:
            roots.setdefault(file.root, []).append([file.relpath, file.sha256, file.size])
        loosened = {"exclude": list(self.exclude)} if self.exclude else {}
        return {
            "policy": self.policy.value,
            "roots": [[name, files] for name, files in roots.items()],
            "command": None if command is None else list(command),
            **loosened,
        }

    def first_unkeyed(self, imported: Iterable[str], root: Path) -> str | None:
        """Return the first of these files that is neither in the closure nor excluded from it."""
        places = dict(self.folders)
        known = {places[file.root] / file.relpath for file in self.files}
        for name in imported:
            path = root / name  # an absolute name stays what it is
            if path not in known and path.resolve() not in known:
                excluded = {found for glob in self.exclude for found in _matching(root, glob)}
                if path not in excluded:
                    return name
        return None

    def changed(self, *, besides_project: bool = False) -> str | None:
        """Read all files again and return the first that is not what it was; None: all are.

        Args:
            besides_project: Only those outside of the project, of which there is no copy.
        """
        folders = dict(self.folders)
        for file in self.files:
            if besides_project and file.root == _PROJECT:
                continue
            try:
                same = _hash(folders[file.root] / file.relpath) == (file.sha256, file.size)
            except OSError:
                same = False
            if not same:
                return file.relpath
        return None


def read_code(spec: CodeSpec, memo_folder: Path | None = None) -> CodeClosure | Uncacheable:
    """Find and hash the files that a trial uses.

    Args:
        spec: What is asked for.
        memo_folder: Where it is remembered what files import; None: nowhere.

    Returns:
        The files; ``Uncacheable`` with the cure where they cannot be read, lead out of their root,
        differ in case only, or are more than 20,000 or 256 MiB.
    """
    try:
        memo = ImportMemo(memo_folder)
        found = _read_code(spec, memo)
        memo.save()
        return found
    except _Refused as refused:
        return refused.uncacheable
    except OSError as error:
        return Uncacheable("code", f"{error.filename}: {error.strerror}; make it readable")


class _Refused(Exception):
    def __init__(self, why: str, path: str = "code") -> None:
        self.uncacheable = Uncacheable(path, why)
        super().__init__(why)


def _read_code(spec: CodeSpec, memo: ImportMemo) -> CodeClosure:
    root = spec.root.resolve()
    entry = [] if spec.entry is None else [spec.entry.parent.resolve() / spec.entry.name]
    excluded = {path for glob in spec.exclude for path in _matching(root, glob)} - {*entry}
    included = {path for glob in spec.include for path in _included(root, glob)}
    walk = ImportWalk(_search_folders(root, [*entry, *spec.named]), memo=memo)
    walk.follow([*entry, *sorted({*spec.named, *included} - excluded)])
    for name in spec.modules:
        walk.follow_module(name)
    foreign = any(file.suffix != ".py" for file in entry) or walk.unparsable is not None
    tree = spec.policy is CodePolicy.TREE or foreign
    if tree:
        walk.follow(sorted(tree_files(root, spec.left_out) - excluded))
    named = sorted(_named(walk, root, excluded))
    _check(named)
    folders = walk.sources | walk.folders
    return CodeClosure(
        files=tuple(CodeFile(rel, *_hash(path), label) for label, rel, path in named),
        policy=CodePolicy.TREE if tree else CodePolicy.IMPORTS,
        exclude=tuple(sorted(set(spec.exclude))),
        imports=tuple(sorted(walk.installed)),
        folders=tuple((label, folder) for folder, label in folders.items()),
    )


def _search_folders(root: Path, run: Sequence[Path]) -> dict[Path, str]:
    """Return the project root and what Python puts first on its path for the files that it runs.

    A label is written only for what lies outside of the root.
    """
    folders = {root: _PROJECT}
    for at, file in enumerate(run):
        package, which = file.parent, f" {at}" if at else ""
        while package != package.parent and (package / "__init__.py").is_file():
            package = package.parent
        folders.setdefault(package, f"package of entry{which}")
        folders.setdefault(file.parent, f"folder of entry{which}")
    return folders


def _matching(root: Path, glob: str) -> Iterator[Path]:
    for path in expand(root, glob):
        yield from files_below(path)


def _included(root: Path, glob: str) -> Iterator[Path]:
    found = tuple(_matching(root, glob))
    if not found:
        raise _Refused(f"{glob} matches no file; correct it or take it out", "code.include")
    for path in found:
        if not path.is_relative_to(root):
            raise _Refused(f"{glob} is outside of the project; use cache.data", "code.include")
        if not path.is_file():
            raise _Refused(f"{path.relative_to(root)} is no regular file", "code.include")
    yield from found


def _named(walk: ImportWalk, root: Path, excluded: Set[Path]) -> Iterator[tuple[str, str, Path]]:
    labels = walk.sources | walk.folders
    for path, folder in walk.files.items():
        if path in excluded:
            continue
        base = root if path.is_relative_to(root) else folder
        relpath = path.relative_to(base).as_posix()
        if relpath != relpath.encode(errors="replace").decode():
            raise _Refused(f"{relpath!r} is no UTF-8 file name; rename or exclude it")
        if not Path(os.path.realpath(path)).is_relative_to(base):
            raise _Refused(f"{relpath} is a link out of its root; copy it or exclude it")
        yield labels[base], relpath, path


def _check(named: Sequence[tuple[str, str, Path]]) -> None:
    cure = "narrow cache.code (policy, include, exclude)"
    if len(named) > _MOST_FILES:
        raise _Refused(f"{len(named):,} files are more than {_MOST_FILES:,}; {cure}")
    size = sum(path.stat().st_size for _, _, path in named)
    if size > _MOST_BYTES:
        raise _Refused(f"{size / 2**20:.0f} MiB are more than {_MOST_BYTES // 2**20} MiB; {cure}")
    seen: dict[tuple[str, str], str] = {}
    for label, relpath, _ in named:
        other = seen.setdefault((label, relpath.casefold()), relpath)
        if other != relpath:
            raise _Refused(f"{other} and {relpath} differ in case only; rename one")


def _hash(path: Path) -> tuple[str, int]:
    content = path.read_bytes()
    return hashlib.sha256(content).hexdigest(), len(content)
