"""Why a result is kept but not shared: the node, the code or the data is not what the key says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sweeper.model import NOTHING, AttemptId, Ended, Ending, NodeFacts, Value
from sweeper.store.question import Question, QuestionSettings
from sweeper.store.taint import Taint

CLASS: dict[str, Value] = {
    "gpu": "NVIDIA H200",
    "memory_mib": 143771,
    "count": 1,
    "power_cap_w": 700,
    "mig": None,
    "cpu": None,
}


@pytest.fixture
def settings(tmp_path: Path) -> QuestionSettings:
    """A project of two files of code and two of data, one of them declared."""
    root = tmp_path / "project"
    root.mkdir()
    for name, text in {
        "train.py": "import net\ndef train(params):\n    yield 1, {}\n",
        "net.py": "width = 8\n",
        "tricks.py": "",
        "train.csv": "1,2\n",
        "other.csv": "3,4\n",
    }.items():
        (root / name).write_text(text)
    return QuestionSettings(
        entry="train.py:train",
        entry_file=root / "train.py",
        root=root,
        metric_names=("loss",),
        max_steps=5,
        trial_seed=None,
        effective_env={},
        memo_folder=tmp_path / "memo",
        data=("train.csv",),
    )


def ended(facts: NodeFacts | None = None, **more: tuple[str, ...]) -> Ended:
    """A training that went well."""
    end = Ended(
        AttemptId(0, 0, 0), Ending.RETURNED, None, None, NOTHING, 1.0, "n12",
        imported=("net.py", "train.py"), facts=facts,
    )  # fmt: skip
    return replace(end, **more)  # type: ignore[arg-type]


def facts_of(question: Question, **more: object) -> NodeFacts:
    """What a node says that is as the key says."""
    facts = NodeFacts(CLASS, question.env_text, "measured:counter")
    return replace(facts, **more)  # type: ignore[arg-type]


def test_what_is_as_the_key_says_may_be_shared(settings: QuestionSettings) -> None:
    """Imported code of the key, declared data, the same environment, hardware and meter."""
    question = Question.build(
        replace(settings, hardware={"policy": "class", **CLASS}, meter="measured:counter")
    )
    assert Taint(question)(ended(facts_of(question), opened=("train.csv", "net.py"))) is None
    assert Taint(question)(ended()) is None, "a lost worker says nothing about itself"


def test_another_environment_is_named(settings: QuestionSettings) -> None:
    """A node with another version of a package gives results of another question."""
    question = Question.build(settings)
    other = question.env_text.replace('"python"', '"cython"', 1)
    assert other != question.env_text
    why = Taint(question)(ended(facts_of(question, environment=other)))
    assert why is not None
    assert why.startswith("node n12 has another environment than the key says: ")


@pytest.mark.parametrize(
    ("name", "value"),
    [("gpu", "NVIDIA A100"), ("memory_mib", 81559), ("power_cap_w", 350), ("mig", "1g.18gb")],
)
def test_other_hardware_is_named(settings: QuestionSettings, name: str, value: Value) -> None:
    """Joules of another class of hardware are no answer, where the key says which it is."""
    question = Question.build(replace(settings, hardware={"policy": "class", **CLASS}))
    facts = facts_of(question, hardware={**CLASS, name: value})
    why = Taint(question)(ended(facts))
    assert why == f"node n12 has other hardware than the key says: {name} is {value}"
    assert Taint(Question.build(settings))(ended(facts)) is None, "accuracy is the same anywhere"


def test_how_many_gpus_a_node_has_is_no_other_hardware(settings: QuestionSettings) -> None:
    """The share of a GPU that was asked for is the file's, not the node's."""
    question = Question.build(replace(settings, hardware={"policy": "class", **CLASS}))
    facts = facts_of(question, hardware={**CLASS, "count": 0.5})
    assert Taint(question)(ended(facts)) is None


@pytest.mark.parametrize(
    ("said", "found", "other"),
    [
        ("measured:counter", "estimated:tdp", True),
        ("measured:counter", "measured:counter", False),
        ("measured:counter+estimated:cpu_load", "estimated:cpu_load", False),
        ("measured:counter", "declared", False),
        ("measured:counter", "unavailable", False),
        (None, "estimated:tdp", False),
    ],
)
def test_another_meter_is_named(
    settings: QuestionSettings, said: str | None, found: str, other: bool
) -> None:
    """What was measured is no answer to what was estimated, where joules decide."""
    question = Question.build(replace(settings, hardware={"policy": "class", **CLASS}, meter=said))
    why = Taint(question)(ended(facts_of(question, meter=found)))
    assert (why is not None) is other
    if why is not None:
        assert why == f"node n12 has another meter than the key says: {found}, not {said}"


def test_code_outside_of_the_key_is_named(settings: QuestionSettings) -> None:
    """With the line that puts it in."""
    taint = Taint(Question.build(settings))
    why = taint(ended(imported=("train.py", "tricks.py")))
    assert why == ("tricks.py was imported but is not in the key; add it to cache.code.include")
    outside = taint(ended(imported=("/opt/lab/tricks.py",)))
    assert outside is not None
    assert "/opt/lab/tricks.py was imported" in outside
    assert "outside of the project" in outside


def test_data_outside_of_the_key_is_named(settings: QuestionSettings) -> None:
    """With the line that puts it in."""
    taint = Taint(Question.build(settings))
    assert taint(ended(opened=("train.csv",))) is None
    assert taint(ended(opened=("other.csv", "train.csv"))) == (
        "other.csv was read but is not in the key; add it to cache.data"
    )


@pytest.mark.parametrize(("in_place", "tainted"), [(True, True), (False, False)])
def test_code_that_changed_meanwhile(
    settings: QuestionSettings, in_place: bool, tainted: bool
) -> None:
    """It matters where the working tree is what was run; a snapshot does not care."""
    question = Question.build(settings)
    (settings.root / "net.py").write_text("width = 16\n")
    why = Taint(question, in_place=in_place)(ended())
    assert (why is not None) is tainted
    if why is not None:
        assert "net.py" in why


def test_data_that_changed_meanwhile(settings: QuestionSettings) -> None:
    """Data is read where it is, so it matters always."""
    question = Question.build(settings)
    (settings.root / "train.csv").write_text("9,9\n")
    why = Taint(question, in_place=False)(ended())
    assert why is not None
    assert "train.csv" in why
