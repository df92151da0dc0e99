"""The documents are true: what they show loads and runs, what they link to is there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from sweeper.cli.main import main
from sweeper.config.load import load
from sweeper.workers.objective import locate
from tests.cli.project import Project

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")})


def block(language: str) -> str:
    """Return the first fenced block of a language in the README."""
    found = re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)
    assert found is not None
    return found.group(1)


@pytest.mark.parametrize("file", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda f: f.name)
def test_every_sweep_file_loads_without_a_warning(file: Path) -> None:
    """What the project ships is valid, and its objective is where it says."""
    loaded = load(file)
    assert loaded.warnings == ()
    assert loaded.config.objective is not None
    assert locate(loaded.config.objective, ROOT).function == "train"


def test_every_key_is_in_the_file_of_every_key() -> None:
    """What the models know, the commented file shows; the keys of alternatives are in comments."""
    file = ROOT / "configs" / "every-key.yaml"
    text, document = file.read_text(encoding="utf-8"), load(file).config.document()
    sections = {key: value for key, value in document.items() if isinstance(value, dict)}
    keys = {*document, *(key for section in sections.values() for key in section)}
    missing = {key for key in keys if not re.search(rf"\b{re.escape(key)}\b", text)}
    assert not missing


def test_the_readmes_own_sweep_runs(tmp_path: Path) -> None:
    """The twenty lines in the README are a whole project."""
    project = Project(tmp_path / "project", tmp_path / "state")
    project.write("train.py", block("python"))
    project.write("sweep.yaml", block("yaml"))
    done = project.run("run", "sweep.yaml", "--local", "--json")
    assert done.code == 0, done.err
    assert done.json["trials"]["pruned"] > 0
    assert done.json["best"]["metrics"]["loss"] < 0.1


@pytest.mark.parametrize("text", re.findall(r"\| `(\w+: \{.*?\})` \|", README))
def test_the_readmes_keys_are_keys(tmp_path: Path, text: str) -> None:
    """Each line of the README's table of wishes can stand in a sweep file."""
    file = tmp_path / "sweep.yaml"
    key = text.partition(":")[0]
    replaced = {key, "metric"} if key == "metrics" else {key}
    entries = re.findall(r"^\S.*\n(?: .*\n)*", block("yaml"), re.MULTILINE)
    base = "".join(entry for entry in entries if entry.partition(":")[0] not in replaced)
    file.write_text(f"{base}{text}\n", encoding="utf-8")
    load(file)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of every page is a file of the project."""
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith("https://"):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("verb", sorted(main.commands))
def test_every_verb_has_help_and_is_in_the_readme(verb: str) -> None:
    """A command is documented where people look."""
    command = main.commands[verb]
    assert len(command.help or "") > 40
    for parameter in command.params:
        assert not isinstance(parameter, click.Option) or parameter.help
    assert f"sweeper {verb}" in README or f"`{verb}`" in README


def test_the_readme_has_its_two_commands() -> None:
    """One line runs the main job, one the tests; CI takes them from here."""
    commands = re.findall(r"^python3 -m venv .*$", README, re.MULTILINE)
    assert len(commands) == 2
    assert "sweeper run configs/quickstart.yaml" in commands[0]
    assert commands[1].endswith(".venv/bin/pytest -q")


def test_the_architecture_page_is_one_page() -> None:
    """A hundred lines, and every path that it names is there."""
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    assert len(page.splitlines()) <= 100
    for path in re.findall(r"`((?:sweep|search|workers|store|energy|reporting)/\w+\.py)", page):
        assert (ROOT / "sweeper" / path).is_file(), path


HEAVY = ("optuna", "ray", "sqlalchemy", "pydantic", "yaml", "rich", "numpy", "pynvml", "psutil")


@pytest.mark.parametrize(
    ("code", "light"),
    [
        ("import sweeper", ("click", *HEAVY)),
        ("from sweeper.cli.main import main; main(['--help'], standalone_mode=False)", HEAVY),
    ],
    ids=["import", "help"],
)
def test_heavy_libraries_are_loaded_late(code: str, light: tuple[str, ...]) -> None:
    """Neither ``import sweeper`` nor ``--help`` loads what only a sweep needs."""
    look = f"import sys; {code}; print([n for n in {light!r} if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", look], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_public_names_are_what_they_say() -> None:
    """``__all__`` is sorted and complete."""
    import sweeper

    public = {n for n in vars(sweeper) if not n.startswith("_")} - {"trial"}
    folders = {p.stem for p in (ROOT / "sweeper").iterdir()}
    assert public - folders == set(sweeper.__all__) - {"__version__"}


def test_the_tests_that_the_wandb_page_names_are_there() -> None:
    """Each row of its tables says which test shows it."""
    page = (ROOT / "docs/wandb.md").read_text(encoding="utf-8")
    named = re.findall(r"`(\w+/test_\w+\.py)::(test_\w+)`", page)
    assert len(named) > 25
    for file, test in named:
        assert f"def {test}(" in (ROOT / "tests" / file).read_text(encoding="utf-8"), test


def test_every_test_that_the_store_page_names_is_there() -> None:
    """A row of its table of failures that names no test would prove nothing."""
    page = (ROOT / "docs/store.md").read_text(encoding="utf-8")
    here = "\n".join(
        file.read_text(encoding="utf-8")
        for folder in ("tests", "sweeper/testing")
        for file in (ROOT / folder).rglob("*.py")
    )
    files = re.findall(r"`?(tests/[\w/]+\.py)", page)
    named = set(re.findall(r"\btest_\w+(?=[`,])", page))
    assert len(files) > 10
    assert len(named) > 15
    assert [file for file in files if not (ROOT / file).is_file()] == []
    assert [name for name in sorted(named) if f"def {name}(" not in here] == []
