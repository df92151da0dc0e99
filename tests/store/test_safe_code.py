"""The store's code reads data as data: a test that reads its syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import sweeper.store

FOLDER = Path(sweeper.store.__file__).parent
FILES = sorted(FOLDER.glob("*.py"))
# Modules that make objects or code out of bytes, and YAML, whose tags may.
MODULES = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve",
           "yaml", "code", "codeop"}  # fmt: skip
CALLS = {"eval", "exec", "compile", "__import__"}


def findings(text: str) -> Iterator[str]:
    """Name what may not be in the store."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (n.name for n in node.names if n.name.partition(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            if node.module.partition(".")[0] in MODULES:
                yield node.module
        elif isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else None
            if name in CALLS:
                yield name
            if isinstance(node.func, ast.Attribute) and node.func.attr == "import_module":
                yield "import_module"
        elif isinstance(node, ast.Name | ast.Attribute):
            name = node.id if isinstance(node, ast.Name) else node.attr
            if name in ("PickleType", "literal_eval"):
                yield name


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)
def test_nothing_that_is_read_is_run(file: Path) -> None:
    """No pickle, no eval, no YAML tags."""
    assert list(findings(file.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "import yaml as y",
        "from dill import loads",
        "eval('1')",
        "import importlib\nimportlib.import_module(name)",
        "from sqlalchemy import PickleType\nColumn('x', PickleType)",
        "def f():\n    from marshal import loads",
    ],
)
def test_the_reader_would_see_it(text: str) -> None:
    """What is looked for is found."""
    assert list(findings(text)) != []


def test_the_whole_store_is_read() -> None:
    """A glob that finds nothing proves nothing."""
    assert len(FILES) > 40
    assert FOLDER / "sql_cache.py" in FILES
