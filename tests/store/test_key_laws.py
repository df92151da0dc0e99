"""Laws of the key: every leaf matters, order does not, what is ignored does not."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sweeper.model import Key, Uncacheable
from sweeper.store.key import SECTION_NAMES, derive
from sweeper.store.question import Question, QuestionSettings
from tests.store.test_explain import documents

SPECS = 200


def key_of(found: dict[str, Any]) -> Key:
    key = derive(found, seed=None)
    assert not isinstance(key, Uncacheable)
    return key


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the place of every leaf, an empty container too."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(
        value, list
    ) else ()  # fmt: skip
    empty = True
    for name, item in inner:
        empty = False
        yield from leaves(item, (*path, name))
    if empty:
        yield path


def flipped(whole: dict[str, Any], path: tuple[Any, ...], draw: random.Random) -> dict[str, Any]:
    """Copy a document with another value at one leaf: of its type, or of another one."""
    other = copy.deepcopy(whole)
    place = other
    for name in path[:-1]:
        place = place[name]
    old = place[path[-1]]
    others: list[Any] = [None, True, False, 0, 1, 0.0, 1.0, "", "0", "x", [], {}]
    if isinstance(old, bool) or old is None:
        pass
    elif isinstance(old, int | float):
        others += [old + 1, -old - 1, float(old), str(old)]
        others += [int(old)] if float(old).is_integer() else []
    elif isinstance(old, str):
        others += [old + " ", old.upper() + "A", old + "\u0301", [old]]
    choices = [it for it in others if type(it) is not type(old) or it != old]
    place[path[-1]] = draw.choice(choices)
    return other


def test_every_leaf_of_two_hundred_questions_matters() -> None:
    """Each leaf of each is flipped: the key changes, and no two questions share one."""
    draw, seen, count = random.Random(11), {}, 0
    for _ in range(SPECS):
        whole = documents(draw)
        base = key_of(whole)
        seen[base.config_key] = repr(whole)
        for path in leaves(whole):
            other = flipped(whole, path, draw)
            found = key_of(other)
            assert found.config_key != base.config_key, path
            differing = [
                name
                for (name, text), (_, now) in zip(base.sections, found.sections, strict=True)
                if text != now
            ]
            assert differing == [path[0]]
            assert seen.setdefault(found.config_key, repr(other)) == repr(other), "a collision"
            count += 1
    assert count > 40 * SPECS


def test_the_order_of_names_does_not_matter() -> None:
    """In no mapping of any section, at any depth."""
    draw = random.Random(12)

    def shuffled(value: Any) -> Any:
        if isinstance(value, dict):
            names = list(value)
            draw.shuffle(names)
            return {name: shuffled(value[name]) for name in names}
        return [shuffled(item) for item in value] if isinstance(value, list) else value

    for _ in range(SPECS):
        whole = documents(draw)
        assert key_of(shuffled(whole)) == key_of(whole)
        assert list(key_of(shuffled(whole)).sections) == list(key_of(whole).sections)


@pytest.fixture
def settings(tmp_path: Path) -> QuestionSettings:
    root = tmp_path / "project"
    root.mkdir()
    (root / "train.py").write_text("def train(params):\n    yield 1, {}\n")
    return QuestionSettings(
        entry="train.py:train",
        entry_file=root / "train.py",
        root=root,
        metric_names=("loss",),
        max_steps=5,
        trial_seed=None,
        effective_env={},
        memo_folder=tmp_path / "memo",
    )


def test_what_is_ignored_does_not_matter_but_that_it_is_does(settings: QuestionSettings) -> None:
    """200 values of an ignored parameter give one key, which no strict question has."""
    draw = random.Random(13)
    strict = Question.build(settings)
    loose = Question.build(replace(settings, ignore=("log.every", "workers")))
    keys: set[str] = set()
    others: set[str] = set()
    for _ in range(SPECS):
        params: dict[str, Any] = {
            "lr": 0.1,
            "workers": draw.randrange(64),
            "log": {"every": draw.random(), "level": 3},
        }
        for question, found in ((loose, keys), (strict, others)):
            key = question.key(params)
            assert isinstance(key, Key)
            found.add(key.config_key)
    assert len(keys) == 1
    assert len(others) == SPECS
    assert not keys & others
    assert len(SECTION_NAMES) == 9
