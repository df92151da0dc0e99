"""Which project files enter the key."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from sweeper.model import Uncacheable
from sweeper.store.code_closure import CodeClosure, CodePolicy, CodeSpec, read_code


def write(root: Path, **texts: str) -> None:
    """Write files; ``__`` in a name stands for a slash, and ``.py`` is added."""
    for name, text in texts.items():
        file = root / f"{name.replace('__', '/')}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def closure(root: Path, entry: str = "train.py", **knobs: object) -> CodeClosure:
    read = read_code(CodeSpec(entry=root / entry, root=root, **knobs))  # type: ignore[arg-type]
    assert isinstance(read, CodeClosure), read
    return read


def names(read: CodeClosure) -> list[str]:
    return [file.relpath for file in read.files]


def refusal(root: Path, **knobs: object) -> Uncacheable:
    read = read_code(CodeSpec(entry=root / "train.py", root=root, **knobs))  # type: ignore[arg-type]
    assert isinstance(read, Uncacheable)
    return read


@pytest.mark.parametrize(
    "statement",
    [
        "import pkg.mod",
        "import os, pkg.mod as m",
        "from pkg import mod",
        "from pkg.mod import thing",
        "from pkg import *",
        "def f():\n    import pkg.mod",
        "async def f():\n    from pkg import mod",
        "class C:\n    from pkg import mod",
        "if False:\n    import pkg.mod\nelse:\n    import pkg.mod",
        "try:\n    import pkg.mod\nexcept ImportError:\n    pass",
        "# coding: latin-1\nimport pkg.mod  # \xe9",
    ],
)
def test_every_import_statement_is_followed(tmp_path: Path, statement: str) -> None:
    """A project module is found however it is imported, with its package."""
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg/__init__.py").touch()
    (tmp_path / "pkg/mod.py").touch()
    (tmp_path / "other.py").touch()
    (tmp_path / "train.py").write_text(statement, encoding="latin-1")
    assert names(closure(tmp_path)) == ["pkg/__init__.py", "pkg/mod.py", "train.py"]


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("from . import near", ["a/b/near.py"]),
        ("from .near import x", ["a/b/near.py"]),
        ("from .. import far", ["a/far.py"]),
        ("from ..far import x", ["a/far.py"]),
        ("from ..c import deep", ["a/c/deep.py"]),
        ("from .. import *", ["a/far.py"]),
        ("from ..... import beyond", []),
    ],
)
def test_relative_imports(tmp_path: Path, statement: str, found: list[str]) -> None:
    """Dots climb from the importing file's package, but not out of the root."""
    write(
        tmp_path,
        a__b__mod=statement,
        a__b__near="",
        a__far="",
        a__c__deep="",
        train="import a.b.mod",
    )
    for package in ("a", "a/b"):
        (tmp_path / package / "__init__.py").touch()
    always = ["a/__init__.py", "a/b/__init__.py", "a/b/mod.py", "train.py"]
    assert names(closure(tmp_path)) == sorted(always + found)


def test_imports_are_followed_to_the_end(tmp_path: Path) -> None:
    """Imports of imported files count, and circles end."""
    write(tmp_path, train="import a", a="import b", b="import c", c="import a", unused="")
    assert names(closure(tmp_path)) == ["a.py", "b.py", "c.py", "train.py"]


def test_both_search_folders_count(tmp_path: Path) -> None:
    """Modules beside the entry file and in the project's root are found, in doubt both."""
    write(
        tmp_path, ex__train="import beside, top, both", ex__beside="", top="", both="", ex__both=""
    )
    found = names(closure(tmp_path, "ex/train.py"))
    assert found == ["both.py", "ex/beside.py", "ex/both.py", "ex/train.py", "top.py"]


def test_installed_packages_are_named_not_followed(tmp_path: Path) -> None:
    """Packages outside of the project are listed by top-level name; the standard library is not."""
    write(
        tmp_path,
        train="import os, numpy.random\nfrom sklearn import svm\nimport nowhere_to_be_found",
    )
    read = closure(tmp_path)
    assert names(read) == ["train.py"]
    assert read.imports == ("nowhere_to_be_found", "numpy", "sklearn")


def test_own_files_never_enter(tmp_path: Path) -> None:
    """The trial interface is versioned by the objective section, not by its files."""
    write(tmp_path, train="import sweeper\nfrom sweeper.model import Metric")
    read = closure(tmp_path)
    assert (names(read), read.imports) == (["train.py"], ())


def test_module_on_the_path_outside_of_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An editable package has files of its own, named without the folder it lies in."""
    project, library = tmp_path / "project", tmp_path / "library"
    write(project, train="import closure_test_library")
    write(library, closure_test_library__core="x = 1")
    (library / "closure_test_library/__init__.py").write_text("from .core import x")
    monkeypatch.syspath_prepend(str(library))
    read = closure(project)
    assert [(file.root, file.relpath) for file in read.files] == [
        (".", "train.py"),
        ("closure_test_library", "closure_test_library/__init__.py"),
        ("closure_test_library", "closure_test_library/core.py"),
    ]
    assert read.imports == ("closure_test_library",)
    write(library, closure_test_library__core="x = 2")
    assert read.changed() == "closure_test_library/core.py"


def test_source_layout_inside_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package below src/ that is on the path is a project file like any other."""
    write(tmp_path, train="import closure_test_src.net", src__closure_test_src__net="")
    monkeypatch.syspath_prepend(str(tmp_path / "src"))
    assert names(closure(tmp_path)) == ["src/closure_test_src/net.py", "train.py"]


def test_module_that_is_run_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``python -m`` runs a project module, or an installed one, whose version then counts."""
    write(tmp_path, src__closure_test_run__main="from . import net", src__closure_test_run__net="")
    write(tmp_path, tool__part="", top="", unused="")
    (tmp_path / "tool/__main__.py").write_text("import top")
    monkeypatch.syspath_prepend(str(tmp_path / "src"))
    modules = ("closure_test_run.main", "tool", "numpy.testing")
    read = read_code(CodeSpec(entry=None, root=tmp_path, modules=modules))
    assert isinstance(read, CodeClosure)
    assert names(read) == [
        "src/closure_test_run/main.py",
        "src/closure_test_run/net.py",
        "tool/__main__.py",
        "top.py",
    ]
    assert set(read.imports) >= {"numpy", "closure_test_run"}
    assert read.policy is CodePolicy.IMPORTS


def test_further_files_of_an_entry_outside_of_the_root(tmp_path: Path) -> None:
    """Files of two places are read again where they are."""
    write(tmp_path, lib__train="import beside", lib__beside="", root__tools__plot="")
    read = read_code(
        CodeSpec(
            entry=tmp_path / "lib/train.py",
            root=tmp_path / "root",
            named=(tmp_path / "root/tools/plot.py",),
        )
    )
    assert isinstance(read, CodeClosure)
    assert [file.relpath for file in read.files] == ["tools/plot.py", "beside.py", "train.py"]
    assert read.changed() is None
    write(tmp_path, lib__beside="x = 1")
    assert read.changed() == "beside.py"


def test_entry_outside_of_the_root(tmp_path: Path) -> None:
    """An entry file elsewhere brings what is beside it and its package, under another root."""
    (tmp_path / "root").mkdir()
    write(tmp_path, lib__pkg__train="import beside\nfrom . import mod", lib__pkg__mod="")
    write(tmp_path, lib__pkg____init__="", lib__pkg__beside="")
    (tmp_path / "lib/pkg/__init__.py").touch()
    read = read_code(CodeSpec(entry=tmp_path / "lib/pkg/train.py", root=tmp_path / "root"))
    assert isinstance(read, CodeClosure)
    assert {file.relpath for file in read.files} >= {
        "pkg/train.py",
        "pkg/mod.py",
        "pkg/__init__.py",
    }
    assert any(file.relpath.endswith("beside.py") for file in read.files)
    assert "." not in {file.root for file in read.files}


def test_include_and_exclude(tmp_path: Path) -> None:
    """Includes bring files and what these import; excludes take away all but the entry file."""
    write(tmp_path, train="import a, b", a="", b="", plugins__p="import c", c="")
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/net.yaml").touch()
    read = closure(
        tmp_path, include=("plugins", "conf/*.yaml"), exclude=("b.py", "train.py", "none/*")
    )
    assert names(read) == ["a.py", "c.py", "conf/net.yaml", "plugins/p.py", "train.py"]


def test_exclude_is_named_in_the_key(tmp_path: Path) -> None:
    """A key that leaves files out differs from the strict one, even where nothing was left out."""
    write(tmp_path, train="")
    strict, loose = closure(tmp_path), closure(tmp_path, exclude=("out/*",))
    assert strict.files == loose.files
    assert strict.document(None) != loose.document(None)


def test_document_holds_no_path_of_this_machine(tmp_path: Path) -> None:
    """Equal projects in two folders give equal documents."""
    for folder in ("one", "two"):
        write(tmp_path / folder, pkg__train="import a", a="x = 1")
    one, two = (closure(tmp_path / folder, "pkg/train.py") for folder in ("one", "two"))
    assert one.document(("${program}",)) == two.document(("${program}",))
    assert str(tmp_path) not in repr(one.document(None))


def test_command_is_in_the_document(tmp_path: Path) -> None:
    """Two command templates over the same files differ."""
    write(tmp_path, train="")
    read = closure(tmp_path)
    assert read.document(("python", "${args}")) != read.document(None)


def test_raw_bytes_count(tmp_path: Path) -> None:
    """A comment in a used file changes its digest; a touched file keeps it."""
    write(tmp_path, train="x = 1\n")
    before = closure(tmp_path)
    (tmp_path / "train.py").touch()
    assert closure(tmp_path) == before
    assert before.changed() is None
    write(tmp_path, train="x = 1  # one\n")
    assert closure(tmp_path) != before
    assert before.changed() == "train.py"


def test_removed_file_is_a_change(tmp_path: Path) -> None:
    """A file that is gone is named."""
    write(tmp_path, train="import a", a="")
    before = closure(tmp_path)
    (tmp_path / "a.py").unlink()
    assert before.changed() == "a.py"


def git(root: Path, *command: str) -> None:
    subprocess.run(["git", *command], cwd=root, check=True, capture_output=True)


@pytest.mark.parametrize("with_git", [True, False], ids=["git", "no git"])
def test_tree(tmp_path: Path, with_git: bool) -> None:
    """A tree is all code but tests, docs, hidden folders and the sweep file."""
    write(tmp_path, train="", scratch="", tests__t="", docs__d="", lib__tests__kept="")
    for name in ("conf.yaml", "sweep.yaml", "run.sh", "notes.txt", "weights.bin"):
        (tmp_path / name).touch()
    write(tmp_path, **{".sweeper__x": "", ".venv__y": ""})
    (tmp_path / ".gitignore").write_text(".venv/\n")
    if with_git:
        git(tmp_path, "init", "-q")
        git(tmp_path, "add", "train.py")
    read = closure(tmp_path, policy=CodePolicy.TREE, left_out=(tmp_path / "sweep.yaml",))
    assert read.policy is CodePolicy.TREE
    assert names(read) == ["conf.yaml", "lib/tests/kept.py", "run.sh", "scratch.py", "train.py"]


def test_tree_keeps_ignored_files_that_are_imported(tmp_path: Path) -> None:
    """What git ignores is still code when the entry file imports it."""
    write(tmp_path, train="import local", local="", junk="")
    (tmp_path / ".gitignore").write_text("local.py\njunk.py\n")
    git(tmp_path, "init", "-q")
    assert names(closure(tmp_path, policy=CodePolicy.TREE)) == ["local.py", "train.py"]


@pytest.mark.parametrize(
    ("entry", "text"), [("train.py", "def f(:\n"), ("train.py", "\0"), ("train.sh", "echo")]
)
def test_tree_where_imports_cannot_be_read(tmp_path: Path, entry: str, text: str) -> None:
    """A file that is no valid Python makes the whole tree count, and the section says so."""
    write(tmp_path, unrelated="")
    (tmp_path / entry).write_text(text)
    read = closure(tmp_path, entry)
    assert names(read) == [entry, "unrelated.py"]
    assert read.document(None)["policy"] == "tree"


def test_unparsable_import(tmp_path: Path) -> None:
    """A broken module deeper down has the same effect."""
    write(tmp_path, train="import a", a="print 1", unrelated="")
    assert closure(tmp_path).policy is CodePolicy.TREE


def test_warnings_of_the_users_text_are_not_ours(tmp_path: Path) -> None:
    """An invalid escape in user code is neither an error nor a warning here."""
    write(tmp_path, train="pattern = '\\d'\nimport a", a="")
    assert names(closure(tmp_path)) == ["a.py", "train.py"]


@pytest.mark.parametrize(
    ("glob", "why"),
    [
        ("nothing/*.py", "matches no file"),
        ("a**", "matches no file"),
        ("../elsewhere.py", "out of its root"),
        ("{outside}", "use cache.data"),
    ],
    ids=["matches nothing", "no glob", "above", "absolute"],
)
def test_wrong_include(tmp_path: Path, glob: str, why: str) -> None:
    """An include that brings no project file is said, not passed over."""
    write(tmp_path, project__train="", elsewhere="")
    glob = glob.format(outside=tmp_path / "elsewhere.py")
    assert why in refusal(tmp_path / "project", include=(glob,)).why


def test_missing_entry(tmp_path: Path) -> None:
    """Without the entry file there is no key."""
    assert refusal(tmp_path).path == "code"


def test_link_out_of_the_root(tmp_path: Path) -> None:
    """A module that is a link to a file elsewhere is refused; one inside the project is not."""
    write(tmp_path, project__train="import a", project__real="", elsewhere="")
    link = tmp_path / "project/a.py"
    link.symlink_to("real.py")
    assert names(closure(tmp_path / "project")) == ["a.py", "train.py"]
    link.unlink()
    link.symlink_to(tmp_path / "elsewhere.py")
    assert "a.py is a link out of its root" in refusal(tmp_path / "project").why


def test_paths_that_differ_in_case_only(tmp_path: Path) -> None:
    """Names that collide on other file systems are refused."""
    write(tmp_path, train="import net", net="")
    write(tmp_path, pkg__Net="", pkg__net="")
    if len(list((tmp_path / "pkg").iterdir())) < 2:
        pytest.skip("this file system ignores case")
    assert "differ in case only" in refusal(tmp_path, include=("pkg",)).why


def test_too_many_bytes(tmp_path: Path) -> None:
    """More than 256 MiB are refused before they are read, and the message has the cure."""
    write(tmp_path, train="")
    with (tmp_path / "weights.bin").open("wb") as file:
        file.truncate(257 * 2**20)
    refused = refusal(tmp_path, include=("weights.bin",))
    assert "257 MiB are more than 256" in refused.why
    assert "narrow cache.code" in refused.why
    assert names(closure(tmp_path, include=("*.bin",), exclude=("weights.bin",))) == ["train.py"]


def test_too_many_files(tmp_path: Path) -> None:
    """More than 20,000 files are refused."""
    write(tmp_path, train="")
    (tmp_path / "many").mkdir()
    for number in range(20_000):
        (tmp_path / "many" / str(number)).touch()
    assert "20,001 files are more than 20,000" in refusal(tmp_path, include=("many",)).why


def test_file_name_that_is_no_text(tmp_path: Path) -> None:
    """A file name that is no UTF-8 cannot be written into a key."""
    write(tmp_path, train="")
    try:
        (tmp_path / os.fsdecode(b"\xff.txt")).touch()
    except OSError:
        pytest.skip("this file system has UTF-8 names only")
    refused = refusal(tmp_path, include=("*.txt",))
    assert "is no UTF-8 file name" in refused.why
    assert refused.why.isascii()


def test_tree_reaches_into_a_repository_inside(tmp_path: Path) -> None:
    """A submodule or nested repository is code like the rest."""
    write(tmp_path, train="", vendored__net="depth = 1")
    git(tmp_path / "vendored", "init", "-q")
    git(tmp_path, "init", "-q")
    read = closure(tmp_path, policy=CodePolicy.TREE)
    assert "vendored/net.py" in names(read)


def test_project_folder_named_like_an_installed_package(tmp_path: Path) -> None:
    """Python prefers the installed package to a folder without __init__: its version counts."""
    write(tmp_path, train="import click.types", click__types="")
    assert "click" in closure(tmp_path).imports
