"""The mirror of a project: copies of what was hashed, links to the rest."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from sweeper.model import Uncacheable
from sweeper.store.code_closure import CodeClosure
from sweeper.store.question import Question, QuestionSettings
from sweeper.store.snapshot import Snapshot, remove_snapshot, stale_snapshots, take_snapshot

FILES = {
    "train.py": "import pkg.net\ndef train(params):\n    yield 1, {}\n",
    "pkg/__init__.py": "",
    "pkg/net.py": "width = 8\n",
    "pkg/weights.bin": "not code",
    "data/train.csv": "1,2\n",
    "notes.txt": "hello\n",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def closure(project: Path) -> CodeClosure:
    """Hash the project's code as a sweep does."""
    question = Question.build(
        QuestionSettings(
            entry="train.py:train",
            entry_file=project / "train.py",
            root=project,
            metric_names=("loss",),
            max_steps=5,
            trial_seed=None,
            effective_env={},
            memo_folder=project.parent / "memo",
        )
    )
    assert not isinstance(question.code, Uncacheable)
    return question.code


def taken(project: Path) -> Snapshot:
    return take_snapshot(closure(project), project, project.parent / "state")


def test_code_is_copied_and_the_rest_is_linked(project: Path) -> None:
    """Paths beside the code keep working; a folder without code is one link."""
    folder = taken(project).folder
    for name, text in FILES.items():
        assert (folder / name).read_text() == text
    for name in ("train.py", "pkg/__init__.py", "pkg/net.py"):
        assert not (folder / name).is_symlink()
    for name in ("pkg/weights.bin", "data", "notes.txt"):
        assert (folder / name).is_symlink()


def test_an_edit_does_not_reach_the_mirror(project: Path) -> None:
    """But data does: it is read where it is."""
    found = taken(project)
    (project / "pkg/net.py").write_text("width = 16\n")
    (project / "data/train.csv").write_text("9,9\n")
    assert (found.folder / "pkg/net.py").read_text() == "width = 8\n"
    assert (found.folder / "data/train.csv").read_text() == "9,9\n"


def test_the_same_code_has_one_mirror(project: Path) -> None:
    """It is found again, also with other files beside it, which it then links to."""
    first = taken(project)
    (project / "more.txt").write_text("x")
    (project / "notes.txt").unlink()
    again = taken(project)
    assert again == first
    assert (again.folder / "more.txt").read_text() == "x"
    assert not os.path.lexists(again.folder / "notes.txt")
    (project / "pkg/net.py").write_text("width = 16\n")
    assert taken(project).folder != first.folder


@pytest.mark.parametrize("damage", ["flipped", "half", "gone", "link"])
def test_a_damaged_mirror_is_made_anew(project: Path, damage: str) -> None:
    """What is run is what was hashed, whatever happened to the mirror."""
    found = taken(project)
    copy = found.folder / "pkg/net.py"
    match damage:
        case "flipped":
            copy.write_text("width = 9\n")
        case "half":
            (found.folder / ".sweeper-snapshot").unlink()
            copy.unlink()
        case "gone":
            shutil.rmtree(found.folder / "pkg")
        case "link":
            copy.unlink()
            copy.symlink_to(project / "pkg/net.py")
    assert taken(project) == found
    assert copy.read_text() == "width = 8\n"
    assert not copy.is_symlink()


def test_code_that_changes_before_it_is_copied_is_an_error(project: Path) -> None:
    """The key would say something else than what is run; nothing half is left."""
    code = closure(project)
    (project / "pkg/net.py").write_text("width = 16\n")
    with pytest.raises(OSError, match="changed while the sweep began"):
        take_snapshot(code, project, project.parent / "state")
    assert list((project.parent / "state" / "snapshots").iterdir()) == []


def test_what_a_trial_wrote_beside_its_code_comes_back(project: Path) -> None:
    """And nothing in the project that is newer is lost."""
    found = taken(project)
    (found.folder / "model.pt").write_text("weights")
    (found.folder / "pkg" / "out").mkdir()
    (found.folder / "pkg" / "out" / "log.txt").write_text("log")
    (found.folder / "old.txt").write_text("of the trial")
    os.utime(found.folder / "old.txt", (1, 1))
    (project / "old.txt").write_text("of the user")
    assert found.bring_back() == 2
    assert (project / "model.pt").read_text() == "weights"
    assert (project / "pkg/out/log.txt").read_text() == "log"
    assert (project / "old.txt").read_text() == "of the user"
    assert (project / "pkg/net.py").read_text() == "width = 8\n"


def test_old_mirrors_are_listed_and_what_they_link_to_stays(project: Path) -> None:
    """Only those that no sweep began with for long enough."""
    found = taken(project)
    state = project.parent / "state"
    assert stale_snapshots(state, older_s=60.0) == []
    before = time.time() - 120
    os.utime(found.folder / ".sweeper-snapshot", (before, before))
    assert stale_snapshots(state, older_s=60.0) == [found.folder]
    remove_snapshot(found.folder)
    assert not found.folder.exists()
    assert {name: (project / name).read_text() for name in FILES} == FILES
