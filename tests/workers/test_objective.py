"""Finding and loading objectives."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeper.errors import PoolError
from sweeper.workers.objective import load, locate


def write(folder: Path, name: str, text: str) -> None:
    """Write a file of a project."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("entry", "source", "expected"),
    [
        ("gone.py:train", "", "there is no file gone.py in"),
        ("bad.py:train", "def train(:\n", "bad.py:1: not valid Python"),
        ("bad.py:train", "def fit(params): ...\n", "no function 'train'; it defines: fit"),
        ("no.such.module:train", "", "there is no module 'no.such.module'"),
    ],
    ids=["missing", "syntax", "no-function", "no-module"],
)
def test_what_is_wrong_is_known_without_running_it(
    tmp_path: Path, entry: str, source: str, expected: str
) -> None:
    """Locating tells the file and the reason, and imports nothing."""
    write(tmp_path, "bad.py", source)
    with pytest.raises(PoolError, match=expected):
        locate(entry, tmp_path)


@pytest.mark.parametrize(
    "source",
    [
        "def train(params): ...",
        "train = lambda params: None",
        "from math import fabs as train",
        "from math import *\ntrain",
        "if True:\n    def train(params): ...",
    ],
    ids=["def", "assignment", "import", "star", "conditional"],
)
def test_every_way_to_define_a_function_is_found(tmp_path: Path, source: str) -> None:
    """An objective may be bound in any way that Python has."""
    write(tmp_path, "ok.py", source)
    assert locate("ok.py:train", tmp_path).function == "train"


def test_a_file_imports_its_neighbours_and_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with ``python path/to/file.py``, helpers beside the file are found; so is the root."""
    monkeypatch.setattr("sys.path", ["/nowhere"])
    write(tmp_path, "deep/beside_it.py", "VALUE = 1")
    write(tmp_path, "in_the_root.py", "VALUE = 2")
    source = "import beside_it, in_the_root\ndef train(params): return beside_it, in_the_root"
    write(tmp_path, "deep/uses_both.py", source)
    beside, root = load(locate("deep/uses_both.py:train", tmp_path))({})
    assert (beside.VALUE, root.VALUE) == (1, 2)


def test_a_file_named_like_a_known_module_is_loaded_all_the_same(tmp_path: Path) -> None:
    """A script called json.py does not get the standard library's json."""
    write(tmp_path, "json.py", "def train(params): return 'mine'")
    assert load(locate("json.py:train", tmp_path))({}) == "mine"


@pytest.mark.parametrize(
    ("name", "source", "expected"),
    [
        ("raises", "1 / 0\ndef train(params): ...", r"importing raises\.py failed: ZeroDivision"),
        ("exits", "import sys; sys.exit(0)\ndef train(params): ...", "needs if __name__ =="),
        ("number", "train = 3", "is a int, not a function"),
        ("nothing", "def train(): ...", "must take the parameters first"),
        ("only_trial", "def train(trial): ...", "must take the parameters first"),
        ("keywords", "def train(*, lr): ...", "must take the parameters first"),
    ],
)
def test_what_cannot_be_called_is_told(
    tmp_path: Path, name: str, source: str, expected: str
) -> None:
    """Loading tells what an objective must look like."""
    write(tmp_path, f"{name}.py", source)
    with pytest.raises(PoolError, match=expected):
        load(locate(f"{name}.py:train", tmp_path))
