"""Where the user's objective is, and how it is loaded.

Owns: the meaning of ``path/to/file.py:function`` and ``package.module:function``. ``locate`` looks
without running anything, so that the driver can say early what is wrong; ``load`` imports, in the
worker only.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sweeper.errors import PoolError

__all__ = ["ObjectiveSource", "load", "locate"]


@dataclass(frozen=True, slots=True)
class ObjectiveSource:
    """An objective that was found but not imported.

    Attributes:
        entry: As written in the sweep file.
        file: The Python file that holds it, absolute.
        root: The project's root, absolute: the folder in which ``sweeper`` was started.
        function: Its name.
        module: Dotted module name; None: the entry names a file.
        mirror: A folder that stands for the root where code is run; None: the root itself.
    """

    entry: str
    file: str
    root: str
    function: str
    module: str | None
    mirror: str | None = None

    @property
    def search_path(self) -> tuple[str, ...]:
        """Return what must stand on ``sys.path``: the file's folder first, as Python does."""
        folders = (str(Path(self.file).parent),) if self.module is None else ()
        return (*folders, self.mirror or self.root)

    def mirrored(self, mirror: Path) -> ObjectiveSource:
        """Say that its code is run from a copy, while the project stays where it works."""
        file = Path(self.file)
        if file.is_relative_to(self.root):
            file = mirror / file.relative_to(self.root)
        return replace(self, file=str(file), mirror=str(mirror))

    def moved(self, root: Path) -> ObjectiveSource:
        """Say where the objective is in a copy of the project."""
        try:
            file = root / Path(self.file).relative_to(self.root)
        except ValueError:  # an installed module, outside the project
            return replace(self, root=str(root))
        return replace(self, root=str(root), file=str(file))


def locate(entry: str, root: Path) -> ObjectiveSource:
    """Find an objective without importing it.

    Args:
        entry: ``path/to/file.py:function`` or ``package.module:function``.
        root: The project's root; paths are relative to it.

    Raises:
        PoolError: If the file is missing, cannot be parsed, or does not define the function.
    """
    place, _, function = entry.rpartition(":")
    if place.endswith(".py") or "/" in place:
        file, module = root / place, None
        if not file.is_file():
            raise PoolError(f"there is no file {place} in {root}")
    else:
        file, module = _module_file(place, root), place
    tree = _parse(file)
    if function not in set(_bound_names(tree)) and not _imports_everything(tree):
        functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
        known = f"; it defines: {', '.join(functions)}" if functions else ""
        raise PoolError(f"{file.name} has no function {function!r}{known}")
    return ObjectiveSource(entry, str(file.resolve()), str(root.resolve()), function, module)


def _module_file(module: str, root: Path) -> Path:
    relative = Path(*module.split("."))
    # Python prefers a package to a module of its name.
    for candidate in (root / relative / "__init__.py", root / relative.with_suffix(".py")):
        if candidate.is_file():
            return candidate
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        spec = None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        raise PoolError(
            f"there is no module {module!r} in {root} or among the installed packages; "
            "write path/to/file.py:function for a file"
        )
    return Path(spec.origin)


def _parse(file: Path) -> ast.Module:
    try:
        return ast.parse(file.read_bytes(), filename=str(file))
    except SyntaxError as error:
        line = f":{error.lineno}" if error.lineno else ""
        raise PoolError(f"{file.name}{line}: not valid Python: {error.msg}") from error
    except (OSError, ValueError) as error:
        raise PoolError(f"{file.name} cannot be read: {error}") from error


def _bound_names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.Name(ctx=ast.Store()):
                yield node.id
            case ast.alias():
                yield (node.asname or node.name).split(".")[0]
            case _:
                pass


def _imports_everything(tree: ast.Module) -> bool:
    return any(isinstance(node, ast.alias) and node.name == "*" for node in ast.walk(tree))


def load(source: ObjectiveSource) -> Callable[..., Any]:
    """Import the objective.

    Raises:
        PoolError: If it cannot be imported or cannot be called with the parameters.
    """
    for folder in reversed(source.search_path):
        if folder not in sys.path:
            sys.path.insert(0, folder)
    try:
        module = _import(source)
        function = getattr(module, source.function)
    except (Exception, SystemExit) as error:  # whatever a user's module does at import
        hint = (
            "; a script that runs when it is imported needs if __name__ == '__main__':"
            if isinstance(error, SystemExit)
            else ""
        )
        raise PoolError(
            f"objective {source.entry}: importing {Path(source.file).name} failed: "
            f"{type(error).__name__}: {error}{hint}"
        ) from error
    _check_signature(source.entry, function)
    return function  # type: ignore[no-any-return] # checked right above


def _import(source: ObjectiveSource) -> Any:
    if source.module is not None:
        return importlib.import_module(source.module)
    name = Path(source.file).stem
    known = sys.modules.get(name)
    if known is not None:
        if getattr(known, "__file__", None) == source.file:
            return known
        name = f"_sweeper_objective_{name}"  # another module has that name already
    spec = importlib.util.spec_from_file_location(name, source.file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{source.file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _check_signature(entry: str, function: Any) -> None:
    if not callable(function):
        raise PoolError(f"objective {entry}: is a {type(function).__name__}, not a function")
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # some callables have no signature: the call will tell
        return
    positional = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
    first_takes_params = parameters and (
        parameters[0].kind in positional or parameters[0].kind is inspect.Parameter.VAR_POSITIONAL
    )
    if not first_takes_params or parameters[0].name == "trial":
        raise PoolError(
            f"objective {entry}: must take the parameters first, as in "
            f"def {entry.rpartition(':')[2]}(params) or (params, trial)"
        )
