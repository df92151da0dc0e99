"""Reading the canonical texts of a key's sections, and what differs between two of them.

Owns: the inverse of the encoding in ``key.py``, and the names of leaves that people read: files and
packages by their names, not by their places in a list. Pure: no files, no database.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sweeper.store.key import join

__all__ = [
    "Difference",
    "EnumName",
    "NotAKeyText",
    "decode",
    "differences",
    "first_difference",
    "leaves",
]

# Lists whose items are known by their first element.
_BY_NAME = {"env": ("dists", "vars"), "data": ("items",)}


class NotAKeyText(ValueError):
    """A text is not what ``key.canonical`` writes."""


@dataclass(frozen=True, slots=True)
class EnumName:
    """A member of an enum, by the names of its class and its own."""

    kind: str
    member: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One leaf that is not the same in two sections.

    Attributes:
        path: ``code.train.py``, ``env.torch``, ``params.net.layers[1]``.
        here: Its value; None and not ``there_here``: absent.
        there: The other one's.
        missing: ``here`` or ``there`` where it is absent; empty: in neither.
    """

    path: str
    here: object
    there: object
    missing: str = ""


def decode(text: str) -> Any:
    """Read a canonical text: the exact inverse of ``key.canonical``, tuples being lists.

    Raises:
        NotAKeyText: If it is none.
    """
    try:
        return _value(json.loads(text))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise NotAKeyText(f"is no canonical text: {error}") from error


def _value(found: Any) -> Any:
    if isinstance(found, list):
        return [_value(item) for item in found]
    if not isinstance(found, dict):
        return found
    ((tag, body),) = found.items()
    match tag:
        case "$i":
            return int(body)
        case "$f":
            return float.fromhex(body)
        case "$b":
            return bytes.fromhex(body)
        case "$set":
            return frozenset(map(_frozen, (_value(item) for item in body)))
        case "$enum":
            return EnumName(*body)
        case "$d":
            return {key: _value(value) for key, value in body}
        case _:
            raise ValueError(f"unknown tag {tag!r}")


def _frozen(value: Any) -> Any:
    """Make what is in a set hashable."""
    if isinstance(value, list):
        return tuple(map(_frozen, value))
    if isinstance(value, dict):
        return tuple(sorted((key, _frozen(item)) for key, item in value.items()))
    return value


def leaves(section: str, text: str) -> Mapping[str, object]:
    """Return every leaf of a section under the name that a person knows it by.

    Args:
        section: Its name, with which every path begins.
        text: Its canonical text.

    Raises:
        NotAKeyText: If it is none.
    """
    document = decode(text)
    if section == "code" and isinstance(document, dict):
        return dict(_code_leaves(document))
    found: dict[str, object] = {}
    if isinstance(document, dict):
        document = {**document}
        for name in _BY_NAME.get(section, ()):
            for item in document.pop(name, None) or ():
                head, *rest = item
                found[f"{section}.{head}"] = (
                    rest[0] if len(rest) == 1 else tuple(map(_frozen, rest))
                )
        if section == "params":
            values = document.pop("values", {})
            found.update(_flat(section, values))
    found.update(_flat(section, document))
    return found


def _code_leaves(document: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    for root, files in document.get("roots") or ():
        for relpath, digest, size in files:
            name = relpath if root == "." else f"{root}/{relpath}"
            yield f"code.{name}", (digest, size)
    rest = {name: value for name, value in document.items() if name != "roots"}
    yield from _flat("code", rest)


def _flat(path: str, value: Any) -> Iterator[tuple[str, object]]:
    """Yield the leaves below a value; an empty container is a leaf."""
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from _flat(join(path, name), item)
    elif isinstance(value, list) and value:
        for at, item in enumerate(value):
            yield from _flat(f"{path}[{at}]", item)
    else:
        yield path, value


def differences(section: str, here: str, there: str) -> tuple[Difference, ...]:
    """Return the leaves that differ between two texts of a section, ascending by path.

    1, 1.0, True and "1" are four values.

    Raises:
        NotAKeyText: If one of them is no canonical text.
    """
    if here == there:
        return ()
    mine, theirs = leaves(section, here), leaves(section, there)
    found = []
    for path in sorted({*mine, *theirs}):
        missing = "here" if path not in mine else "there" if path not in theirs else ""
        one, other = mine.get(path), theirs.get(path)
        if missing or type(one) is not type(other) or one != other:
            found.append(Difference(path, one, other, missing))
    return tuple(found)


def first_difference(here: str, there: str, section: str = "env") -> str:
    """Say in one line what differs first between two texts of a section."""
    try:
        found = differences(section, here, there)
    except NotAKeyText:
        return "it could not be read"
    if not found:
        return "nothing that is shown"
    first = found[0]
    one = "absent" if first.missing == "here" else first.here
    other = "absent" if first.missing == "there" else first.there
    return f"{first.path} {one} -> {other}"
