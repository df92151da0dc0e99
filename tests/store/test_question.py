"""The key of a trial, ingredient by ingredient: what changes it and what does not."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sweeper.errors import CacheError
from sweeper.model import Key, Params, Uncacheable
from sweeper.store.code_closure import CodePolicy
from sweeper.store.data_files import DataVersion
from sweeper.store.key import canonical
from sweeper.store.question import Question, QuestionSettings

PARAMS: Params = {"lr": 0.1, "layers": [64, 32], "model": {"width": 8, "workers": 2}, "log": 10}

FILES = {
    "ex/train.py": "from pkg import net\n\ndef train(params):\n    import late\n    yield 1, {}\n",
    "pkg/__init__.py": "",
    "pkg/net.py": "width = 8\n",
    "late.py": "import deep\n",
    "deep.py": "depth = 2\n",
    "unused.py": "x = 1\n",
    "conf/net.json": "{}",
    "data/train.csv": "1,2\n",
    "data/notes.txt": "hello\n",
    "README.md": "read me\n",
}


@pytest.fixture
def settings(tmp_path: Path) -> QuestionSettings:
    root = tmp_path / "project"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return QuestionSettings(
        entry="ex/train.py:train",
        entry_file=root / "ex/train.py",
        root=root,
        metric_names=("accuracy", "loss"),
        max_steps=30,
        trial_seed=None,
        effective_env={"OMP_NUM_THREADS": "1"},
        memo_folder=tmp_path / "memo",
        data=("data/*.csv", DataVersion("imagenet", "1")),
        code_include=("conf/*.json",),
    )


def keyed(settings: QuestionSettings, params: Params = PARAMS, replicate: int = 0) -> Key:
    key = Question.build(settings).key(params, replicate=replicate)
    assert isinstance(key, Key), key
    return key


def refused(settings: QuestionSettings, params: Params = PARAMS) -> Uncacheable:
    key = Question.build(settings).key(params)
    assert isinstance(key, Uncacheable)
    return key


def differing(one: Key, other: Key) -> list[str]:
    """Name the sections in which two keys differ."""
    return [
        name
        for (name, text), (_, now) in zip(one.sections, other.sections, strict=True)
        if text != now
    ]


def test_asking_twice_gives_the_same_key(settings: QuestionSettings) -> None:
    """Nothing but the ingredients decides: a second process gets the same key."""
    assert keyed(settings) == keyed(settings)


def write(name: str, text: str) -> Callable[[Path], object]:
    return lambda root: (root / name).write_text(text)


@pytest.mark.parametrize(
    ("edit", "section"),
    [
        (write("ex/train.py", FILES["ex/train.py"] + "# note\n"), "code"),
        (write("pkg/net.py", "width = 9\n"), "code"),
        (write("pkg/__init__.py", "flag = 1\n"), "code"),
        (write("late.py", "import deep\n\n"), "code"),
        (write("deep.py", "depth = 3\n"), "code"),
        (write("conf/net.json", "[]"), "code"),
        (write("conf/new.json", "{}"), "code"),
        (write("data/train.csv", "1,3\n"), "data"),
        (write("data/more.csv", ""), "data"),
    ],
    ids=[
        *("line of the objective", "imported module", "package file", "module imported late"),
        *("what that imports", "included file", "new included file", "data", "new data"),
    ],
)
def test_used_file_changes_the_key(
    settings: QuestionSettings, edit: Callable[[Path], object], section: str
) -> None:
    """Editing what a trial uses is a miss, in the section that says so."""
    before = keyed(settings)
    edit(settings.root)
    after = keyed(settings)
    assert differing(before, after) == [section]
    assert before.run_key != after.run_key


@pytest.mark.parametrize(
    "edit",
    [
        write("unused.py", "x = 1  # a comment\n"),
        write("brand_new.py", "y = 2\n"),
        write("README.md", "other\n"),
        write("data/notes.txt", "bye\n"),
        lambda root: os.utime(root / "ex/train.py", (1, 1)),
        lambda root: os.utime(root / "data/train.csv", (1, 1)),
        lambda root: (root / "ex/train.py").chmod(0o755),
        lambda root: root.rename(root.with_name("moved")),
    ],
    ids=[
        *("unused module", "new module", "document", "undeclared data", "time of code"),
        *("time of data", "mode", "moved project"),
    ],
)
def test_unused_file_keeps_the_key(
    settings: QuestionSettings, edit: Callable[[Path], object]
) -> None:
    """Editing anything else is a hit."""
    before = keyed(settings)
    edit(settings.root)
    if not settings.root.exists():
        moved = settings.root.with_name("moved")
        settings = replace(settings, root=moved, entry_file=moved / "ex/train.py")
    assert keyed(settings) == before


@pytest.mark.parametrize(
    ("change", "section"),
    [
        ({"entry": "ex/train.py:other"}, "objective"),
        ({"max_steps": 31}, "horizon"),
        ({"max_steps": None}, "horizon"),
        ({"metric_names": ("accuracy",)}, "metric"),
        ({"metric_names": ("loss", "accuracy")}, "metric"),
        ({"namespace": "vision"}, "namespace"),
        ({"salt": "again"}, "namespace"),
        ({"effective_env": {"OMP_NUM_THREADS": "2"}}, "env"),
        ({"effective_env": {}}, "env"),
        ({"data": ("data/*.csv", DataVersion("imagenet", "2"))}, "data"),
        ({"data": ()}, "data"),
        ({"code_policy": CodePolicy.TREE}, "code"),
        ({"code_exclude": ("deep.py",)}, "code"),
        ({"command": ("python", "${program}")}, "code"),
        ({"ignore": ("log",)}, "params"),
        ({"output": ["json"]}, "metric"),
        ({"output": ["pattern", "loss=(.*)"]}, "metric"),
        ({"hardware": {"policy": "class", "gpu": "NVIDIA H200", "count": 0.5}}, "hw"),
    ],
    ids=repr,
)
def test_setting_changes_the_key(
    settings: QuestionSettings, change: dict[str, Any], section: str
) -> None:
    """Each setting that can change a result is in its section."""
    before, after = keyed(settings), keyed(replace(settings, **change))
    assert differing(before, after) == [section]
    assert before.config_key != after.config_key


@pytest.mark.parametrize(
    "change",
    [
        {"memo_folder": None},
        {"effective_env": {"OMP_NUM_THREADS": "1", "HOME": "/home/alice", "USER": "alice"}},
        {"ignore": ("no_such_parameter",)},
    ],
    ids=repr,
)
def test_setting_that_cannot_matter(settings: QuestionSettings, change: dict[str, Any]) -> None:
    """Where things are kept and who runs them is not in the key."""
    assert keyed(replace(settings, **change)) == keyed(settings)


@pytest.mark.parametrize(
    "change",
    [{"lr": 0.2}, {"lr": 1}, {"layers": [32, 64]}, {"model": {"width": 8}}, {"new": None}],
    ids=repr,
)
def test_parameter_changes_the_key(settings: QuestionSettings, change: dict[str, object]) -> None:
    """A value, a type, an order or a further parameter is a miss."""
    before, after = keyed(settings), keyed(settings, {**PARAMS, **change})
    assert differing(before, after) == ["params"]


def test_inactive_parameter_is_absent_from_the_key(settings: QuestionSettings) -> None:
    """A conditional parameter that is not there is not null, at the top and in a mapping."""
    points: list[Params] = [
        {"opt": {"name": "sgd", "momentum": 0.9}},
        {"opt": {"name": "sgd", "momentum": None}},
        {"opt": {"name": "sgd"}},
        {"opt": {"name": "sgd"}, "momentum": None},
    ]
    keys = [keyed(settings, point) for point in points]
    assert len({key.run_key for key in keys}) == len(points)
    assert keyed(settings, {"opt": dict(reversed(list(points[0]["opt"].items())))}) == keys[0]


def test_order_of_parameters_does_not_count(settings: QuestionSettings) -> None:
    """The same parameters in another order are a hit."""
    assert keyed(settings, dict(reversed(list(PARAMS.items())))) == keyed(settings)


def test_ignored_parameter_is_a_hit(settings: QuestionSettings) -> None:
    """An ignored value leaves the key, at the top and inside a mapping; other values stay."""
    loose = replace(settings, ignore=("log", "model.workers"))
    before = keyed(loose)
    model = {"width": 8, "workers": 99}
    assert keyed(loose, {**PARAMS, "log": 99, "model": model}) == before
    assert keyed(loose, {**PARAMS, "model": {"width": 9, "workers": 2}}) != before
    assert PARAMS["model"] == {"width": 8, "workers": 2}


def test_ignored_name_stays_in_the_key(settings: QuestionSettings) -> None:
    """A key that ignores a parameter is never equal to one without that parameter."""
    without = {name: value for name, value in PARAMS.items() if name != "log"}
    assert keyed(replace(settings, ignore=("log",))) != keyed(settings, without)


def test_order_of_ignore_does_not_count(settings: QuestionSettings) -> None:
    """The list of ignored names is a set."""
    one = keyed(replace(settings, ignore=("model", "model.width", "log")))
    assert one == keyed(replace(settings, ignore=("log", "model.width", "model")))


def test_seed_is_in_the_run_key_only(settings: QuestionSettings) -> None:
    """Repetitions of a configuration share the config key and differ in the run key."""
    one, two = (keyed(replace(settings, trial_seed=seed)) for seed in (1, 2))
    assert (one.seed, two.seed) == (1, 2)
    assert one.config_key == two.config_key == keyed(settings).config_key
    assert one.run_key != two.run_key


def test_replicates_derive_their_seeds(settings: QuestionSettings) -> None:
    """Each replicate has a seed of its own, the same for everybody."""
    runs = [keyed(settings, replicate=number) for number in range(3)]
    assert len({run.seed for run in runs}) == len({run.run_key for run in runs}) == 3
    assert len({run.config_key for run in runs}) == 1


def test_replicates_count_up_a_configured_seed(settings: QuestionSettings) -> None:
    """Two replicates are two trainings, whatever the seed; the next seed's first is the same."""
    seven, eight = (replace(settings, trial_seed=seed) for seed in (7, 8))
    runs = [keyed(seven, replicate=number) for number in range(3)]
    assert [run.seed for run in runs] == [7, 8, 9]
    assert len({run.run_key for run in runs}) == 3
    assert keyed(eight) == runs[1]
    assert {run.config_key for run in runs} == {keyed(settings).config_key}


def test_sections_without_a_program_or_hardware(settings: QuestionSettings) -> None:
    """What only some sweeps have leaves no trace in the sections of the others."""
    sections = dict(keyed(settings).sections)
    assert sections["hw"] == canonical({"policy": "any"})
    assert sections["metric"] == canonical({"names": ["accuracy", "loss"], "meter": None})


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({"model": {"api_key": "x"}}, "params.model.api_key"),
        ({"model": {"head": {"urls": ["https://ann:pw@host"]}}}, "params.model.head.urls[0]"),
        ({"hub": ["ghp_" + "a1" * 18]}, "params.hub[0]"),
        ({"lr": float("nan")}, "params.lr"),
        ({"net": {"act": len}}, "params.net.act"),
    ],
    ids=["secret name", "secret inside", "secret value", "not a number", "function"],
)
def test_parameter_without_a_key(
    settings: QuestionSettings, params: dict[str, Any], path: str
) -> None:
    """A secret or a value without text makes this trial uncacheable, unless it is ignored."""
    why = refused(settings, params)
    assert why.path == path
    assert "ghp_" not in str(why)
    name = path.removeprefix("params.").removesuffix("[0]")
    assert isinstance(Question.build(replace(settings, ignore=(name,))).key(params), Key)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"data": ("data/none.csv",)}, "data"),
        ({"code_include": ("none/*",)}, "code.include"),
        ({"namespace": "\ud800"}, "namespace.name"),
        ({"trial_seed": -1}, "seed"),
    ],
    ids=["data", "include", "namespace", "seed"],
)
def test_section_without_a_key(
    settings: QuestionSettings, change: dict[str, Any], path: str
) -> None:
    """A section that cannot be computed makes every trial uncacheable."""
    assert refused(replace(settings, **change)).path == path


def test_unreadable_sections_have_their_reason_as_text(settings: QuestionSettings) -> None:
    """Where there is no text, the reason stands in, so that the sweep still has a digest."""
    question = Question.build(replace(settings, data=("data/none.csv",)))
    assert question.data_text.startswith("uncacheable: data: data/none.csv is missing")
    assert question.sweep_digest({}) != Question.build(settings).sweep_digest({})


@pytest.mark.parametrize(
    ("name", "text"),
    [("deep.py", "depth = 3\n"), ("data/train.csv", "1,3\n"), ("conf/net.json", "[]")],
)
def test_change_during_the_sweep_is_named(settings: QuestionSettings, name: str, text: str) -> None:
    """A file that changes while the sweep runs is named; the key stays what it was."""
    question = Question.build(settings)
    before = question.key(PARAMS)
    assert (question.code_changed() or question.data_changed()) is None
    (settings.root / name).write_text(text)
    assert (
        question.code_changed() or question.data_changed()
    ) == f"{name} changed since the sweep began"
    assert question.key(PARAMS) == before


def test_lost_data_during_the_sweep_is_named(settings: QuestionSettings) -> None:
    """Data that vanishes while the sweep runs is named."""
    question = Question.build(replace(settings, data=("data/train.csv",)))
    (settings.root / "data/train.csv").unlink()
    assert "data/train.csv is missing" in str(question.code_changed() or question.data_changed())


def test_edit_that_is_taken_back_is_no_change(settings: QuestionSettings) -> None:
    """Content decides, not time."""
    question = Question.build(settings)
    for text in ("other", FILES["deep.py"]):
        (settings.root / "deep.py").write_text(text)
    (settings.root / "unused.py").write_text("other")
    assert (question.code_changed() or question.data_changed()) is None


def test_provenance(settings: QuestionSettings) -> None:
    """The question says which files and distributions it was made of."""
    question = Question.build(settings)
    assert question.files == (
        *("conf/net.json", "deep.py", "ex/train.py", "late.py", "pkg/__init__.py", "pkg/net.py"),
    )
    assert set(question.distributions) >= {"numpy"}
    sections = dict(keyed(settings).sections)
    texts = (question.code_text, question.data_text, question.env_text)
    assert texts == (sections["code"], sections["data"], sections["env"])


def test_sweep_digest(settings: QuestionSettings) -> None:
    """Decisions, code, data and environment decide which sweep it is; horizon and name do not."""
    decisions = {"method": "bayes", "seed": 0}
    digest = Question.build(settings).sweep_digest(decisions)
    assert len(bytes.fromhex(digest)) == 32
    same = Question.build(replace(settings, namespace="other", max_steps=3))
    assert same.sweep_digest({"seed": 0, "method": "bayes"}) == digest
    assert same.sweep_digest({"seed": 1, "method": "bayes"}) != digest
    others = (
        replace(settings, code_exclude=("a",)),
        replace(settings, data=()),
        replace(settings, effective_env={}),
        replace(settings, hardware={"policy": "class", "gpu": None, "cpu": "one"}),
        replace(settings, hardware={"policy": "class", "gpu": None, "cpu": "another"}),
    )
    digests = {Question.build(other).sweep_digest(decisions) for other in others}
    assert len(digests | {digest}) == 6


def test_decisions_without_text(settings: QuestionSettings) -> None:
    """Decisions that cannot be encoded are an error that names the place."""
    with pytest.raises(CacheError, match=r"parameters\.lr: is NaN"):
        Question.build(settings).sweep_digest({"parameters": {"lr": float("nan")}})


def test_unreadable_file_names_do_not_reach_the_store(settings: QuestionSettings) -> None:
    """A reason that quotes a file name is text that every store takes."""
    name = os.fsdecode(b"\xff.csv")
    try:
        (settings.root / "data" / name).symlink_to("nowhere")
    except OSError:
        pytest.skip("this file system has UTF-8 names only")
    refused(settings).why.encode()
