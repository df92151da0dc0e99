"""The house: who may import whom, who owns which library, and that there is no cycle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "sweeper"

# A room may import itself and these; what is not listed is forbidden.
FOUNDATION = {"model", "errors", "places", "expression", "secret_shapes"}
SEAMS = FOUNDATION | {"seams"}
MAY_IMPORT = {
    "__init__": {"trial"},
    "trial": set(),
    "errors": set(),
    "expression": set(),
    "model": {"expression"},
    "places": set(),
    "secret_shapes": set(),
    "seams": {"model"},
    "config": SEAMS,
    "search": SEAMS,
    "workers": SEAMS | {"trial", "__init__"},  # ray_pool ships the package, so it must find it
    "energy": SEAMS,
    "store": SEAMS,
    "reporting": SEAMS,
    "sweep": SEAMS,
    "replay": SEAMS,
    "testing": SEAMS | {"trial", "store", "energy"},  # modes of the store, words of boards
    "compose": SEAMS
    | {
        "__init__",
        "config",
        "search",
        "workers",
        "energy",
        "store",
        "reporting",
        "sweep",
        "replay",
    },
    # The command line also prints what it got, and reads lists that are no seam's business.
    "__main__": {"cli"},
    "cli": SEAMS | {"__init__", "compose", "config", "reporting", "store", "sweep"},
}

# A library has one owner, a file or a folder; nobody else imports it.
OWNERS: dict[str, str | tuple[str, ...]] = {
    "optuna": "search/",
    "scipy": "search/",  # the inverse of the beta distribution
    "ray": "workers/ray_",  # ray_pool.py, ray_worker.py, ray_agent.py
    "pynvml": "energy/nvml",  # nvml.py, nvml_board.py, nvml_calls.py
    # load of a process tree; life of a process, mounts; its memory
    "psutil": ("energy/", "store/", "workers/limits.py"),
    "sqlalchemy": "store/",
    "pydantic": "config/",
    "pydantic_core": "config/",
    "yaml": "config/",
    "click": "cli/",
    "rich": "reporting/",
    "plotly": "reporting/",
    "pyarrow": "reporting/",
    "psycopg": "store/",
}

FILES = sorted(ROOT.rglob("*.py"))


def room_of(file: Path) -> str:
    """Return the first folder below the package, or the module's name."""
    relative = file.relative_to(ROOT)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def imports_of(file: Path) -> Iterator[str]:
    """Yield every module that a file names, inside functions and type checks too."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute"
            assert node.module is not None
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def inner_module(name: str) -> Path | None:
    """Return the file of a module of the package; None: it is somebody else's."""
    parts = name.split(".")
    if parts[0] != "sweeper":
        return None
    for length in range(len(parts), 0, -1):
        path = ROOT.joinpath(*parts[1:length])
        for candidate in (path.with_suffix(".py"), path / "__init__.py"):
            if candidate.is_file():
                return candidate
    raise AssertionError(f"{name} is nowhere in the package")


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_imports_point_one_way(file: Path) -> None:
    """A room imports what stands below it and never a neighbour."""
    room = room_of(file)
    for name in imports_of(file):
        target = inner_module(name)
        if target is not None and room_of(target) != room:
            assert room_of(target) in MAY_IMPORT[room], f"{room} must not import {name}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_each_library_has_one_owner(file: Path) -> None:
    """A third-party library is imported where it is owned, and nowhere else."""
    place = str(file.relative_to(ROOT))
    for name in imports_of(file):
        owner = OWNERS.get(name.split(".")[0])
        assert owner is None or place.startswith(owner), f"{name} belongs to {owner}"


def test_every_third_party_library_is_declared() -> None:
    """What is imported is in the owners' table, in the standard library, or is the package."""
    import sys

    known = {*OWNERS, *sys.stdlib_module_names, "sweeper"}
    testing_only = {"pytest"}
    for file in FILES:
        allowed = known | testing_only if room_of(file) == "testing" else known
        unknown = {name.split(".")[0] for name in imports_of(file)} - allowed
        assert not unknown, f"{file} imports {unknown}; add an owner and a decision"


def test_there_is_no_cycle() -> None:
    """No module reaches itself by its imports, lazy ones included."""
    graph = {
        file: {found for name in imports_of(file) if (found := inner_module(name)) is not None}
        - {file}
        for file in FILES
    }
    done: set[Path] = set()

    def visit(file: Path, way: tuple[Path, ...]) -> None:
        assert file not in way, " -> ".join(str(f.relative_to(ROOT)) for f in (*way, file))
        if file not in done:
            for target in graph[file]:
                visit(target, (*way, file))
            done.add(file)

    for file in FILES:
        visit(file, ())


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_file_outgrows_one_responsibility(file: Path) -> None:
    """Four hundred lines are the limit."""
    lines = len(file.read_text(encoding="utf-8").splitlines())
    assert lines <= 415
