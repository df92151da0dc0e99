"""Which files, modules and variables a command line names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sweeper.model import Uncacheable
from sweeper.store.command_code import (
    CommandCode,
    code_named_by,
    refused_variable,
    variables_of,
)

FILES = ("train.sh", "train.py", "lib/prog.awk", "conf/net v2.yaml", "data.csv", "pkg/run.py")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in (*FILES, ".venv/pyvenv.cfg", ".venv/bin/torchrun"):
        (tmp_path / "project" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "project" / name).touch()
    (tmp_path / "elsewhere.sh").touch()
    return (tmp_path / "project").resolve()


def named(root: Path, *command: str, program: str | None = None) -> tuple[str | None, list[str]]:
    """Name what runs, and the other files, below the root."""
    code = code_named_by(command, root / program if program else None, root, {"CONF": "conf"})
    entry = None if code.entry is None else os.path.relpath(code.entry, root)
    return entry, [os.path.relpath(file, root) for file in code.further]


@pytest.mark.parametrize(
    ("command", "entry", "further"),
    [
        (("bash", "train.sh", "${args}"), "train.sh", []),
        (("${env}", "./train.sh"), "train.sh", []),
        (("awk", "-f", "lib/prog.awk", "data.csv"), "lib/prog.awk", ["data.csv"]),
        (("python", "train.py", "--conf=conf/net v2.yaml"), "train.py", ["conf/net v2.yaml"]),
        (("python", "train.py", "conf/net v2.yaml"), "train.py", ["conf/net v2.yaml"]),
        (("python", "train.py", "--data=data.csv"), "train.py", ["data.csv"]),
        (("bash", "-c", "python train.py; ./train.sh 'data.csv'"), "train.py", ["*"]),
        (("julia", "pkg/../train.py", "train.py"), "train.py", []),
        (("${envvar:CONF}/../train.sh",), "train.sh", []),
        (("my-trainer", "--epochs", "3", "${args}"), None, []),
        (("bash", "../elsewhere.sh"), None, []),
        (("ls", "conf", ".", "..", "", "a\0b", "x" * 5000), None, []),
        ((".venv/bin/torchrun", "train.py"), "train.py", []),
        ((), None, []),
    ],
    ids=str,
)
def test_files_of_a_command(
    root: Path, command: tuple[str, ...], entry: str | None, further: list[str]
) -> None:
    """Elements, their parts and words of shell lines that are project files; the first one runs."""
    rest = ["train.sh", "data.csv"] if further == ["*"] else further
    assert named(root, *command) == (entry, rest)


def test_an_absolute_path_below_the_root(root: Path) -> None:
    """A file counts however it is named, through a link to the project too."""
    link = root.with_name("link")
    link.symlink_to(root)
    for folder in (root, link):
        assert named(root, "bash", f"{folder}/train.sh") == ("train.sh", [])


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (("python", "${program}"), ("train.py", [])),
        (("bash", "train.sh", "${program}"), ("train.sh", ["train.py"])),
        (("${program}", "train.py", "data.csv"), ("train.py", ["data.csv"])),
        (("bash", "train.sh"), ("train.sh", ["train.py"])),
    ],
    ids=["alone", "wrapped", "twice", "not named"],
)
def test_the_program_is_code(
    root: Path, command: tuple[str, ...], expected: tuple[str, list[str]]
) -> None:
    """The program file stands where its macro does, and counts even where there is none."""
    assert named(root, *command, program="train.py") == expected


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("${interpreter}", "-m", "pkg.run", "data.csv"), (None, ["data.csv"], ("pkg.run",))),
        (("bash", "-c", "python -m pkg.run"), (None, [], ("pkg.run",))),
        (("python", "-m", "pkg.run", "train.py"), (None, ["train.py"], ("pkg.run",))),
        (("bash", "train.sh", "-m", "adam"), ("train.sh", [], ("adam",))),
        (("taskset", "-m", "0x1", "train.sh"), ("train.sh", [], ())),
    ],
    ids=["module", "in a shell line", "before a file", "after a file", "no name"],
)
def test_modules_of_a_command(
    root: Path, command: tuple[str, ...], code: tuple[str | None, list[str], tuple[str, ...]]
) -> None:
    """What ``-m`` names is a module, and what runs if it comes before every file."""
    found = code_named_by(command, None, root, {})
    entry, further, modules = code
    assert found == CommandCode(
        None if entry is None else root / entry, tuple(root / name for name in further), modules
    )


def test_variables() -> None:
    """All that the template takes in, once, but for what every trial is given anew."""
    command = ("${envvar:B}", "x${envvar:A}-${envvar:B}", "${envvar:SWEEPER_SEED}", "$C ${env}")
    assert variables_of(command) == ("A", "B")


@pytest.mark.parametrize(
    ("env", "path", "why"),
    [
        ({"A": "1"}, "env.B", "is not set, and the command has ${envvar:B}; set it"),
        ({"A": "1", "B": "ghp_" + "a1" * 18}, "env.B", "looks like a secret; take ${envvar:B} out"),
    ],
    ids=["unset", "secret"],
)
def test_a_variable_that_cannot_enter_the_key(env: dict[str, str], path: str, why: str) -> None:
    """The reason names the variable and the cure, never the value."""
    refused = refused_variable(("A", "B"), env)
    assert isinstance(refused, Uncacheable)
    assert (refused.path, why in refused.why) == (path, True)
    assert "ghp_" not in str(refused)


def test_variables_that_enter_the_key() -> None:
    """An empty value is a value."""
    assert refused_variable(("A", "B"), {"A": "", "B": "fast"}) is None
