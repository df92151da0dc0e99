"""The key of a program's trial: which files count, and what else of its command does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sweeper.model import Key, Uncacheable
from sweeper.store.code_closure import CodePolicy
from sweeper.store.question import Question, QuestionSettings

FILES = {
    "train.py": "import net\n",
    "net.py": "width = 8\n",
    "train.sh": "python other.py\n",
    "other.py": "import deep\n",
    "deep.py": "",
    "lib/prog.awk": "{ print $1 }\n",
    "data.csv": "1,2\n",
    "pkg/__init__.py": "",
    "pkg/run.py": "from . import part\n",
    "pkg/part.py": "",
    "notes.txt": "hello\n",
    "sweep.yaml": "name: x\n",
}
EVERYTHING = "deep.py net.py other.py pkg/__init__.py pkg/part.py pkg/run.py train.py train.sh"


def settings_of(root: Path, *command: str, program: str | None = None) -> QuestionSettings:
    """Make a project, and ask about a command in it."""
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return QuestionSettings(
        entry="command" if program is None else f"program:{program}",
        entry_file=None if program is None else root / program,
        root=root,
        metric_names=("loss",),
        max_steps=None,
        trial_seed=None,
        effective_env={"MODE": "fast", "XDG_STATE_HOME": str(root / "state")},
        command=command,
        output=["auto"],
        sweep_file=root / "sweep.yaml",
    )


def keyed(settings: QuestionSettings) -> Key:
    key = Question.build(settings).key({"lr": 0.1})
    assert isinstance(key, Key), key
    return key


@pytest.mark.parametrize(
    ("command", "program", "files", "policy"),
    [
        (("${interpreter}", "${program}", "${args}"), "train.py", "net.py train.py", "imports"),
        (("python", "train.py", "data.csv"), None, "data.csv net.py train.py", "imports"),
        (("python", "-m", "pkg.run"), None, "pkg/__init__.py pkg/part.py pkg/run.py", "imports"),
        (("bash", "${program}"), "train.sh", EVERYTHING, "tree"),
        (("awk", "-f", "lib/prog.awk", "data.csv"), None, None, "tree"),
        (("my-trainer", "${args}"), None, "", "imports"),
    ],
    ids=["program", "script by name", "module", "shell program", "awk", "no file"],
)
def test_files_of_a_program(
    tmp_path: Path, command: tuple[str, ...], program: str | None, files: str | None, policy: str
) -> None:
    """Python is followed by its imports; with another language all code of the project counts."""
    question = Question.build(settings_of(tmp_path, *command, program=program))
    expected = f"data.csv {EVERYTHING} lib/prog.awk" if files is None else files
    assert sorted(question.files) == sorted(expected.split())
    assert f'["policy","{policy}"]' in question.code_text


@pytest.mark.parametrize("name", ["lib/prog.awk", "data.csv", "deep.py"])
def test_edited_file_of_a_program_misses(tmp_path: Path, name: str) -> None:
    """What the command names, and code that it may call, changes the key."""
    settings = settings_of(tmp_path, "awk", "-f", "lib/prog.awk", "data.csv")
    question, before = Question.build(settings), keyed(settings)
    assert (question.code_changed() or question.data_changed()) is None
    (tmp_path / name).write_text("other\n")
    assert (
        question.code_changed() or question.data_changed()
    ) == f"{name} changed since the sweep began"
    assert keyed(settings).config_key != before.config_key


def test_files_that_do_not_belong_to_a_program(tmp_path: Path) -> None:
    """Documents, the sweep file and what sweeper itself keeps below the project do not count."""
    settings = settings_of(tmp_path, "bash", "train.sh")
    before = keyed(settings)
    for name in ("notes.txt", "sweep.yaml", "state/sweeper/sweeps/x-0000/0/params.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    assert keyed(settings) == before


def test_a_named_file_can_be_excluded_and_the_first_one_not(tmp_path: Path) -> None:
    """A log that the command names would change its own key; what runs always counts."""
    settings = settings_of(tmp_path, "python", "train.py", "data.csv")
    loose = replace(settings, code_exclude=("data.csv", "train.py"))
    assert Question.build(loose).files == ("net.py", "train.py")


def test_a_command_that_names_no_file_is_keyed_by_its_template(tmp_path: Path) -> None:
    """Another template is another question; the project's files are not looked at."""
    settings = settings_of(tmp_path, "my-trainer", "${args}")
    before = keyed(settings)
    (tmp_path / "train.py").write_text("other\n")
    assert keyed(settings) == before
    assert keyed(replace(settings, command=("my-trainer", "-v", "${args}"))) != before
    assert Question.build(replace(settings, code_policy=CodePolicy.TREE)).files


def test_a_missing_program_has_no_key(tmp_path: Path) -> None:
    """Without the program file there is nothing to ask about."""
    settings = settings_of(tmp_path, "python", "${program}", program="train.py")
    (tmp_path / "train.py").unlink()
    refused = Question.build(settings).key({})
    assert isinstance(refused, Uncacheable)
    assert refused.path == "code"


def test_a_link_out_of_the_project_is_refused(tmp_path: Path) -> None:
    """A named file whose content lies elsewhere is said, with the cure."""
    (tmp_path / "elsewhere.sh").touch()
    settings = settings_of(tmp_path / "project", "bash", "link.sh")
    (tmp_path / "project/link.sh").symlink_to(tmp_path / "elsewhere.sh")
    refused = Question.build(settings).key({})
    assert isinstance(refused, Uncacheable)
    assert "link.sh is a link out of its root" in refused.why


def test_modules_beside_a_further_script_are_found(tmp_path: Path) -> None:
    """Each Python file that is named brings what lies beside it, as Python would find it."""
    settings = settings_of(tmp_path, "python", "train.py", "tools/plot.py")
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools/plot.py").write_text("import beside")
    (tmp_path / "tools/beside.py").touch()
    assert "tools/beside.py" in Question.build(settings).files


def test_variables_of_the_command_are_in_the_environment(tmp_path: Path) -> None:
    """Name and value enter the key of who uses them, and of nobody else."""
    plain = settings_of(tmp_path, "my-trainer")
    settings = replace(plain, command=("my-trainer", "--mode=${envvar:MODE}"))
    before = keyed(settings)
    slow = {**settings.effective_env, "MODE": "slow"}
    assert '["MODE","fast"]' in dict(before.sections)["env"]
    assert keyed(replace(settings, effective_env=slow)).config_key != before.config_key
    assert keyed(replace(plain, effective_env=slow)) == keyed(plain)


def test_variables_of_the_trial_need_not_be_set(tmp_path: Path) -> None:
    """The seed that the worker hands over is in the key already."""
    settings = settings_of(tmp_path, "my-trainer", "--seed=${envvar:SWEEPER_SEED}")
    assert "SWEEPER_SEED" not in dict(keyed(settings).sections)["env"]


@pytest.mark.parametrize(
    ("env", "why"),
    [({}, "is not set"), ({"HUB": "hf_" + "a1" * 20}, "looks like a secret")],
    ids=["unset", "secret"],
)
def test_a_variable_without_a_key(tmp_path: Path, env: dict[str, str], why: str) -> None:
    """The sweep trains uncached, and says which variable is why; no text tells its value."""
    settings = settings_of(tmp_path, "my-trainer", "${envvar:HUB}")
    question = Question.build(replace(settings, effective_env=env))
    refused = question.key({})
    assert isinstance(refused, Uncacheable)
    assert (refused.path, why in refused.why) == ("env.HUB", True)
    assert "hf_" not in question.env_text
