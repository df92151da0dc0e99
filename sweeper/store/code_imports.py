"""Which project files a Python file can import, read from its text; nothing is imported.

Owns: reading import statements, and finding the files behind them. It errs towards more files: one
file too many is a miss, one too few is a wrong answer.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.machinery import all_suffixes
from pathlib import Path

from sweeper.store.import_memo import ImportMemo, Imports

__all__ = ["Import", "ImportWalk", "imports_of"]

_SUFFIXES = tuple(all_suffixes())  # .py, bytecode, extension modules
_INSTALLED = frozenset(("site-packages", "dist-packages"))
_OWN = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Import:
    """One name that an import statement asks for.

    Attributes:
        level: Number of leading dots; 0: absolute.
        parts: The dotted name, ``from a.b import c`` as ``("a", "b", "c")``; ``*`` stays as it is.
    """

    level: int
    parts: tuple[str, ...]


def imports_of(source: bytes) -> tuple[Import, ...] | None:
    """Read all import statements, those in functions and conditions too.

    Returns:
        What is imported, each once; None: the text is not valid Python.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "\d" in a user's text is not our concern
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return tuple(dict.fromkeys(_imports(tree)))


def _parsed(source: bytes) -> Imports:
    found = imports_of(source)
    return None if found is None else tuple((one.level, one.parts) for one in found)


def _imports(tree: ast.Module) -> Iterator[Import]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(0, tuple(alias.name.split(".")))
        elif isinstance(node, ast.ImportFrom):
            module = tuple(node.module.split(".")) if node.module else ()
            for alias in node.names:
                yield Import(node.level, (*module, alias.name))


@dataclass(slots=True)
class ImportWalk:
    """Follows imports from file to file, to the end.

    Attributes:
        folders: Where absolute imports are looked up, each with its label; the first one that holds
            a start file is the folder of that file.
        sources: Further folders, each with a label: those of modules that lie elsewhere.
        files: Every file that was reached, with the folder it was found under.
        installed: Top-level names that are neither project files nor the standard library.
        memo: What is known of files that were parsed before; the caller saves it.
        unparsable: The first file that is not valid Python; None: all are.
    """

    folders: dict[Path, str]
    sources: dict[Path, str] = field(default_factory=dict)
    files: dict[Path, Path] = field(default_factory=dict)
    installed: set[str] = field(default_factory=set)
    memo: ImportMemo = field(default_factory=lambda: ImportMemo(None))
    unparsable: Path | None = None
    _looked_up: set[tuple[str, ...]] = field(default_factory=set)
    _local: dict[str, tuple[Path, ...]] = field(default_factory=dict)

    def follow(self, start: Iterable[Path]) -> None:
        """Add these files and all that they import, transitively.

        Raises:
            OSError: If a file cannot be read.
        """
        self._follow([(file, self._folder_of(file)) for file in start])

    def follow_module(self, name: str) -> None:
        """Add a module that is run by its name, ``python -m name``, and all that it imports.

        Raises:
            OSError: If a file cannot be read.
        """
        self._follow(list(self._absolute((*name.split("."), "__main__"))))

    def _follow(self, todo: list[tuple[Path, Path]]) -> None:
        while todo:
            file, folder = todo.pop()
            if file in self.files:
                continue
            self.files[file] = folder
            todo += ((init, folder) for init in _inits_above(file, folder))
            if file.suffix == ".py":
                todo += self._imported_by(file, folder)

    def _folder_of(self, file: Path) -> Path:
        return next((one for one in self.folders if file.is_relative_to(one)), file.parent)

    def _imported_by(self, file: Path, folder: Path) -> Iterator[tuple[Path, Path]]:
        found = self.memo.imports(file.read_bytes(), _parsed)
        if found is None:
            self.unparsable = self.unparsable or file
        for level, parts in found or ():
            if not level:
                yield from self._absolute(parts)
            elif level <= len(file.relative_to(folder).parts):
                above = file.parents[level - 1]
                yield from ((path, folder) for path in _locate((above,), parts))

    def _absolute(self, parts: tuple[str, ...]) -> Iterator[tuple[Path, Path]]:
        if parts in self._looked_up:
            return
        self._looked_up.add(parts)
        top = parts[0]
        for folder in (*self.folders, *self._local_sources(top)):
            for path in _locate((folder,), parts):
                if not path.is_relative_to(_OWN):  # objective.api stands for sweeper's own files
                    yield path, folder
        # A folder of the project may have the name of an installed package, which Python prefers
        # to a folder without __init__: its version matters in either case.
        if top not in sys.stdlib_module_names and top != _OWN.name:
            self.installed.add(top)

    def _local_sources(self, top: str) -> tuple[Path, ...]:
        if top not in self._local:
            self._local[top] = tuple(_local_sources(top))
            for at, folder in enumerate(self._local[top]):
                self.sources.setdefault(folder, f"{top}.{at}" if at else top)
        return self._local[top]


def _inits_above(file: Path, folder: Path) -> Iterator[Path]:
    for above in file.parents:
        init = above / "__init__.py"
        if not above.is_relative_to(folder) or not init.is_file():
            return
        yield init


def _locate(folders: Sequence[Path], parts: Sequence[str]) -> Iterator[Path]:
    """Yield the files of a dotted name, packages above it included, as far as they exist."""
    for part in parts:
        if part == "*":
            yield from (path for folder in folders for path in _submodules(folder))
            return
        yield from (path for folder in folders for path in _module(folder, part))
        folders = [folder / part for folder in folders if (folder / part).is_dir()]


def _module(folder: Path, name: str) -> Iterator[Path]:
    # Plain text: this is asked a dozen times for each import statement.
    for stem in (f"{folder}/{name}", f"{folder}/{name}/__init__"):
        for suffix in _SUFFIXES:
            if os.path.isfile(stem + suffix):
                yield Path(stem + suffix)


def _submodules(folder: Path) -> Iterator[Path]:
    """Yield what ``from folder import *`` can import through the package's ``__all__``."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.suffix == ".py" and path.is_file():
            yield path
        elif path.is_dir():
            yield from _module(folder, path.name)


def _local_sources(top: str) -> Iterator[Path]:
    """Yield folders that hold a module outside the installed packages: editable, PYTHONPATH.

    Their version number stays the same when somebody edits them, so their files must be followed.
    """
    if top in sys.stdlib_module_names:
        return
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError, AttributeError):  # a module that is loaded but has no spec
        return
    if spec is None:
        return
    places = list(spec.submodule_search_locations or ())
    if not places and spec.has_location and spec.origin:
        places = [spec.origin]
    for folder in (Path(place).resolve().parent for place in places):
        if folder.is_dir() and _INSTALLED.isdisjoint(folder.parts):
            yield folder
