"""Paths and globs of a sweep file."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeper.store.globbing import expand, files_below


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("a.csv", "b.csv", "[c].csv", "sub/d.csv", "sub/deep/e.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("a.csv", ["a.csv"]),
        ("[c].csv", ["[c].csv"]),
        ("?.csv", ["a.csv", "b.csv"]),
        ("**/*.csv", ["[c].csv", "a.csv", "b.csv", "sub/d.csv", "sub/deep/e.csv"]),
        ("sub", ["sub"]),
        ("none/*", []),
        ("a**", []),
    ],
)
def test_expand(tree: Path, pattern: str, found: list[str]) -> None:
    """A pattern names what exists under it, relative or absolute; existing names come first."""
    if pattern == "a**":
        (tree / "a.csv").unlink()
    for given in (pattern, str(tree / pattern)):
        assert [path.relative_to(tree).as_posix() for path in expand(tree, given)] == found


def test_home_folder(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``~`` is the home folder."""
    monkeypatch.setenv("HOME", str(tree / "sub"))
    assert expand(tree, "~/d.csv") == (tree / "sub/d.csv",)


def test_folder_stands_for_its_files(tree: Path) -> None:
    """A folder gives all files below it, without what git and Python derive."""
    (tree / "sub/__pycache__").mkdir()
    (tree / "sub/__pycache__/x.pyc").touch()
    assert [path.name for path in files_below(tree / "sub")] == ["d.csv", "e.csv"]


def test_links_are_followed_once(tree: Path) -> None:
    """A linked folder counts, and a link to a folder above it ends the walk."""
    (tree / "sub/up").symlink_to(tree / "sub")
    (tree / "other").mkdir()
    (tree / "other/f.csv").touch()
    (tree / "sub/away").symlink_to(tree / "other")
    assert sorted(path.name for path in files_below(tree / "sub")) == ["d.csv", "e.csv", "f.csv"]
