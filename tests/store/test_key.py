"""The encoding of values and the digests made of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from enum import Enum, Flag, IntEnum
from pathlib import PurePosixPath
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.model import Direction, Key, Uncacheable
from sweeper.store.key import (
    SECTION_NAMES,
    NotCanonical,
    canonical,
    derive,
    fallback_seed,
    section_digest,
)

from .key_vectors import FALLBACK_SEEDS, SEEDS, VALUES

ABSENT = {name: {"policy": "absent"} for name in SECTION_NAMES}

plain = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
)
# Few values, so that equal and almost equal ones meet often.
close = st.sampled_from([None, 0, 1, 0.0, -0.0, 1.0, True, False, "", "1", "true", b"", b"1", "$i"])


def nested(leaves: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(st.sampled_from(["$i", "$d", "a", "é"]), inner, max_size=3),
        ),
        max_leaves=6,
    )


def equal(left: object, right: object) -> bool:
    """Compare as the key must: by type and value."""
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(left[key], right[key]) for key in left)
    return type(left) is type(right) and left == right


def keyed(documents: Mapping[str, object], seed: int | None = None, replicate: int = 0) -> Key:
    key = derive(documents, seed=seed, replicate=replicate)
    assert isinstance(key, Key)
    return key


def with_params(values: object) -> dict[str, object]:
    return {**ABSENT, "params": {"policy": "all", "values": values, "ignored": []}}


def test_first_published_vector() -> None:
    """Nine absent sections give the published digests and seed."""
    key = keyed(ABSENT)
    assert key.config_key == "d4b61ebe2b68fb582433d191bea873c2f624f9a02653545e47a3385834b58f1e"
    assert key.seed == 1767553209
    assert key.run_key == "8acb411480ddfd810b3559232d1982bf69c8ec992e26eb69c588052e415d929a"


def test_second_published_vector() -> None:
    """Three parameters give the published digests and seed."""
    key = keyed(with_params({"lr": 0.3, "n": 3, "opt": "adam"}))
    params = section_digest("params", dict(key.sections)["params"]).hex()
    assert params == "2efedecd3bfeda6b3a1392979f7046de59ade6157d9dbe845bb9afdc34315663"
    assert key.config_key == "6848b32f4fbbcdfcb00c7b5fd0a85b2275e4ee768b0205f9471c32a466b7feaa"
    assert key.seed == 445996391


@pytest.mark.parametrize(("value", "text", "config_key"), VALUES, ids=[row[1] for row in VALUES])
def test_frozen_values(value: object, text: str, config_key: str) -> None:
    """Text and digest of a value never change."""
    assert canonical(value) == text
    assert keyed(with_params({"x": value})).config_key == config_key


@pytest.mark.parametrize(("seed", "replicate", "expected", "run_key"), SEEDS)
def test_frozen_seeds(seed: int | None, replicate: int, expected: int, run_key: str) -> None:
    """A replicate derives its seed, or counts up a configured one; the run key holds the seed."""
    key = keyed(ABSENT, seed, replicate)
    assert (key.seed, key.run_key) == (expected, run_key)
    assert key.config_key == keyed(ABSENT).config_key


@pytest.mark.parametrize(("asked", "expected"), FALLBACK_SEEDS)
def test_frozen_fallback_seeds(asked: tuple[int, int, int], expected: int) -> None:
    """The seed of a trial without a key never changes."""
    assert fallback_seed(*asked) == expected


def test_enough_vectors() -> None:
    """The frozen table holds at least thirty different keys."""
    assert len({row[2] for row in VALUES}) == len(VALUES) >= 30


@settings(max_examples=2000, deadline=None)
@given(nested(close), nested(close))
def test_text_is_equal_exactly_when_values_are(left: object, right: object) -> None:
    """No two values that differ in type or value share a text, and equal ones always do."""
    assert (canonical(left) == canonical(right)) == equal(left, right)


@settings(max_examples=300, deadline=None)
@given(nested(plain))
def test_survives_json(value: object) -> None:
    """A value that went through JSON has the text it had before."""
    assert canonical(json.loads(json.dumps(value))) == canonical(value)


@settings(max_examples=300, deadline=None)
@given(nested(plain))
def test_text_is_compact_ascii_json(value: object) -> None:
    """The text is ASCII JSON without spaces."""
    text = canonical(value)
    assert text.isascii()
    assert json.dumps(json.loads(text), separators=(",", ":")) == text


@settings(max_examples=2000, deadline=None)
@given(st.dictionaries(st.text(), plain), st.randoms(use_true_random=False))
def test_order_of_a_mapping_is_not_in_the_key(values: dict[str, object], chance: Random) -> None:
    """Two mappings that differ in order only share a text."""
    items = list(values.items())
    chance.shuffle(items)
    assert canonical(dict(items)) == canonical(values)


class Color(Enum):
    RED = 1
    ROUGE = 1


class Size(IntEnum):
    ONE = 1


class Right(Flag):
    READ = 1
    WRITE = 2


@pytest.mark.parametrize(
    ("value", "same"),
    [
        (np.float32(0.1), 0.10000000149011612),
        (np.float64(0.1), 0.1),
        (np.int64(3), 3),
        (np.uint64(2**64 - 1), 2**64 - 1),
        (np.bool_(True), True),
        (np.str_("adam"), "adam"),
        (np.array(3), 3),
        (np.array(0.5, dtype=np.float16), 0.5),
        ({"a": [np.int8(1)]}, {"a": [1]}),
        (Color.ROUGE, Color.RED),
        (-0.0, 0.0),
        ((1, 2), [1, 2]),
    ],
    ids=repr,
)
def test_same_text(value: object, same: object) -> None:
    """Scalars of NumPy, aliases and minus zero are what they stand for."""
    assert canonical(value) == canonical(same)


def test_enum_is_not_its_value() -> None:
    """A member of an IntEnum has another text than the number that it equals."""
    assert canonical(Size.ONE) != canonical(1)


class Celsius(float):
    """Equals a float but is none."""


def _endless() -> list[object]:
    loop: list[object] = []
    loop.append(loop)
    return loop


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (float("nan"), ""),
        ({"a": [0, {"b": float("nan")}]}, "a[1].b"),
        ([np.float32("nan")], "[0]"),
        (1j, ""),
        (date(2026, 1, 1), ""),
        (Decimal("0.1"), ""),
        (PurePosixPath("/data"), ""),
        (Celsius(1.0), ""),
        (np.array([1, 2]), ""),
        (np.datetime64(1, "ns"), ""),
        (np.longdouble(1), ""),
        ({1: "a"}, ""),
        ({"a": {None: 1}}, "a"),
        ("\ud83d\ude00", ""),
        ({"\ud800": 1}, ""),
        (Right(0), ""),
        (len, ""),
        (10**5000, ""),
    ],
    ids=lambda part: "" if isinstance(part, str) else type(part).__name__,
)
def test_not_canonical(value: object, path: str) -> None:
    """What has no exact text is refused, with its place."""
    with pytest.raises(NotCanonical) as caught:
        canonical(value)
    assert caught.value.path == path


def test_endless_value_is_refused() -> None:
    """A list that contains itself is refused instead of exhausting the stack."""
    with pytest.raises(NotCanonical, match="contains itself"):
        canonical(_endless())


def test_refusal_does_not_echo_the_value() -> None:
    """The message names type and place, never the value."""
    with pytest.raises(NotCanonical) as caught:
        canonical({"token": bytearray(b"hush-hush")})
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("name", SECTION_NAMES)
def test_every_section_is_in_the_key(name: str) -> None:
    """Changing any section changes both keys and the seed."""
    before, after = keyed(ABSENT), keyed({**ABSENT, name: {"policy": "other"}})
    assert before.config_key != after.config_key
    assert before.run_key != after.run_key
    assert before.seed != after.seed


def test_sections_cannot_be_swapped() -> None:
    """The same text in another section gives another digest."""
    assert section_digest("code", "[]") != section_digest("data", "[]")


def test_sections_are_kept_in_order() -> None:
    """The key carries the exact texts it was made of."""
    key = keyed(with_params({"x": Direction.MAXIMIZE}))
    assert tuple(name for name, _ in key.sections) == SECTION_NAMES
    assert all(text == canonical(ABSENT[name]) for name, text in key.sections if name != "params")


def test_value_without_text_is_uncacheable() -> None:
    """A section that cannot be encoded gives no key, and says where."""
    refused = derive(with_params({"lr": float("nan")}), seed=None)
    assert refused == Uncacheable("params.values.lr", "is NaN, which equals nothing")


@pytest.mark.parametrize(("seed", "replicate"), [(-1, 0), (-1, 1), (2**64, 0), (2**64 - 1, 1)])
def test_seed_out_of_range_is_uncacheable(seed: int, replicate: int) -> None:
    """A seed that does not fit the key gives none."""
    refused = derive(ABSENT, seed=seed, replicate=replicate)
    assert isinstance(refused, Uncacheable)
    assert refused.path == "seed"


@pytest.mark.parametrize(
    "documents", [{}, {**ABSENT, "extra": {}}], ids=["missing section", "unknown section"]
)
def test_wrong_sections_are_a_mistake(documents: dict[str, object]) -> None:
    """Leaving out or inventing a section is refused loudly."""
    with pytest.raises(ValueError, match="sections must be"):
        derive(documents, seed=None)
