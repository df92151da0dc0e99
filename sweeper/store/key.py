"""The key: canonical text of values, the nine sections, and the digests made of them.

Owns the encoding and its version. Pure: no files, no clock, no environment. Imports nothing but the
standard library and ``sweeper.model``; docs/cache-key.md explains the rules to users.

A change of the encoding or of the sections needs a new ``_VERSION``: otherwise an old record would
answer a question that nobody asked.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from sweeper.model import Key, Uncacheable

__all__ = [
    "SECTION_NAMES",
    "NotCanonical",
    "canonical",
    "combine",
    "derive",
    "fallback_seed",
    "join",
    "section_digest",
]

SECTION_NAMES = (
    "objective",
    "params",
    "code",
    "data",
    "env",
    "hw",
    "metric",
    "horizon",
    "namespace",
)

_VERSION = b"sweeper/key/1\0"
_UNCACHED = b"sweeper/uncached-seed/1\0"
_DEEPEST = 100
_UNWRAPPED_KINDS = "biufSU"  # NumPy's bool, int, uint, float, bytes, text; times lose their unit


class NotCanonical(ValueError):
    """A value has no canonical text.

    Args:
        path: Where it is inside the encoded value: ``layers[2].size``; empty: the value itself.
        why: One line; never the value, which may be a secret.
    """

    def __init__(self, path: str, why: str) -> None:
        self.path = path
        self.why = why
        super().__init__(f"{path}: {why}" if path else why)


def canonical(value: object) -> str:
    """Write a value as ASCII JSON text that no different value shares.

    Lists and tuples are equal, ``-0.0`` equals ``0.0``, and 0-d NumPy scalars equal what they hold;
    apart from that, types tell values apart: 1, 1.0, True and "1" have four texts.

    Raises:
        NotCanonical: For NaN, text that is no Unicode, mappings with keys other than text, deeper
            nesting than 100 levels, and every type not listed in docs/cache-key.md.
    """
    return _encode(value, "", 0)


def _encode(value: object, path: str, depth: int) -> str:
    if value is None or value is True or value is False:
        return json.dumps(value)
    if type(value) is str:
        return _text(value, path)
    if type(value) is int:
        return _int(value, path)
    if type(value) is float:
        return _float(value, path)
    if type(value) is bytes:
        return f'{{"$b":"{value.hex()}"}}'
    if isinstance(value, Enum):
        return _enum(value, path)
    held = _unwrap(value, path)
    return _container(value, path, depth + 1) if held is value else _encode(held, path, depth)


def _container(value: object, path: str, depth: int) -> str:
    if depth > _DEEPEST:
        raise NotCanonical(path, f"is nested deeper than {_DEEPEST} levels, or contains itself")
    if isinstance(value, list | tuple):
        items = (_encode(item, f"{path}[{at}]", depth) for at, item in enumerate(value))
        return f"[{','.join(items)}]"
    if isinstance(value, set | frozenset):
        texts = sorted(_encode(item, f"{path}{{}}", depth) for item in value)
        return f'{{"$set":[{",".join(texts)}]}}'
    if isinstance(value, Mapping):
        return _mapping(value, path, depth)
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    raise NotCanonical(path, f"is of type {kind}, which has no canonical text")


def _mapping(value: Mapping[Any, object], path: str, depth: int) -> str:
    for key in value:
        if type(key) is not str:
            raise NotCanonical(
                path, f"has a key of type {type(key).__qualname__}; only text can be"
            )
    pairs = (
        f"[{_text(key, path)},{_encode(value[key], join(path, key), depth)}]"
        for key in sorted(value)  # Python orders text by code point
    )
    return f'{{"$d":[{",".join(pairs)}]}}'


def _enum(value: Enum, path: str) -> str:
    if not isinstance(value.name, str):  # an unnamed combination of flags
        raise NotCanonical(path, "is an enum value without a name")
    kind = type(value)
    name = json.dumps([f"{kind.__module__}.{kind.__qualname__}", value.name], separators=(",", ":"))
    return f'{{"$enum":{name}}}'


def _text(value: str, path: str) -> str:
    # A lone surrogate pair would share its text with the character that the pair stands for.
    if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
        raise NotCanonical(path, "is text with lone surrogates, which is no Unicode")
    return json.dumps(value)


def _int(value: int, path: str) -> str:
    try:
        return f'{{"$i":"{value}"}}'
    except ValueError as error:
        raise NotCanonical(path, "is a whole number with too many digits") from error


def _float(value: float, path: str) -> str:
    if value != value:
        raise NotCanonical(path, "is NaN, which equals nothing")
    number = "0x0p+0" if value == 0.0 else value.hex()
    return f'{{"$f":"{number}"}}'


def _unwrap(value: object, path: str) -> object:
    """Take what a 0-d NumPy scalar or array holds, if that is exact. NumPy is not imported."""
    names = {f"{kind.__module__}.{kind.__name__}" for kind in type(value).__mro__[:-1]}
    if names.isdisjoint(("numpy.generic", "numpy.ndarray")):
        return value
    scalar: Any = value
    if scalar.shape != ():
        raise NotCanonical(path, "is an array; give a list instead")
    held = scalar.item()
    if scalar.dtype.kind not in _UNWRAPPED_KINDS or type(held).__module__ != "builtins":
        raise NotCanonical(path, f"is a NumPy {scalar.dtype.name}, which no plain value equals")
    return held


def join(path: str, name: str) -> str:
    """Extend a path by a name, or by a further path that starts with an index."""
    return f"{path}{'' if not path or name.startswith('[') else '.'}{name}" if name else path


def section_digest(name: str, text: str) -> bytes:
    """Digest one section's canonical text, bound to the section's name; 32 bytes."""
    body = text.encode("ascii")
    head = _VERSION + name.encode("ascii") + b"\0" + len(body).to_bytes(8, "big")
    return hashlib.sha256(head + body).digest()


def derive(
    documents: Mapping[str, object], *, seed: int | None, replicate: int = 0
) -> Key | Uncacheable:
    """Make the key of one training.

    Args:
        documents: One document for each of ``SECTION_NAMES``.
        seed: The configured trial seed; None: it follows from the configuration, so that all who
            ask for it meet.
        replicate: Which repetition of the configuration; it is added to a configured seed, which
            must stay in 0 <= seed < 2**64.

    Raises:
        ValueError: If a section is missing or unknown.
    """
    if set(documents) != set(SECTION_NAMES):
        raise ValueError(f"sections must be {', '.join(SECTION_NAMES)}")
    texts = []
    for name in SECTION_NAMES:
        try:
            texts.append((name, canonical(documents[name])))
        except NotCanonical as error:
            return Uncacheable(join(name, error.path), error.why)
    digests = [section_digest(name, text) for name, text in texts]
    return combine(texts, digests, seed=seed, replicate=replicate)


def combine(
    sections: Sequence[tuple[str, str]],
    digests: Sequence[bytes],
    *,
    seed: int | None,
    replicate: int = 0,
) -> Key | Uncacheable:
    """Make the key from sections that are encoded and digested already; see ``derive``."""
    if seed is not None and not 0 <= seed < 2**64 - replicate:
        return Uncacheable("seed", "must be a whole number from 0 to 2**64 - 1")
    config = hashlib.sha256(_VERSION + b"config\0" + b"".join(digests)).digest()
    seed = seed_of(config.hex(), seed, replicate)
    run = hashlib.sha256(_VERSION + b"run\0" + config + seed.to_bytes(8, "big")).digest()
    return Key(config.hex(), run.hex(), seed, tuple(sections))


def seed_of(config_key: str, seed: int | None, replicate: int) -> int:
    """Return the seed of a training.

    Args:
        config_key: Of its question.
        seed: Of the first replicate, as the sweep file gives it; None: each configuration has its
            own.
        replicate: Which repetition.
    """
    if seed is not None:
        return seed + replicate
    place = bytes.fromhex(config_key) + replicate.to_bytes(4, "big")
    return _seed_from(hashlib.sha256(_VERSION + b"seed\0" + place).digest())


def fallback_seed(search_seed: int, number: int, replicate: int = 0) -> int:
    """Return the seed of a trial that has no key; 0 <= seed < 2**31.

    It follows from the sweep's search seed and the trial's number, so a resumed sweep trains the
    trial as it would have been trained.
    """
    place = (search_seed % 2**64).to_bytes(8, "big") + number.to_bytes(8, "big")
    return _seed_from(hashlib.sha256(_UNCACHED + place + replicate.to_bytes(4, "big")).digest())


def _seed_from(digest: bytes) -> int:
    return int.from_bytes(digest[:4], "big") & 0x7FFFFFFF
