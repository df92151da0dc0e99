"""YAML nodes as plain data: aliases and merge keys expanded, the line of every value noted.

Owns: what a node may be, and the limits of a document. Knows no key of a sweep file. Imports
``yaml``: load this room lazily.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from sweeper.config.problems import Path, Problem, Several, shown

MAX_NODES = 100_000
MAX_DEPTH = 50
_LONGEST_NUMBER = 400  # digits; PyYAML takes quadratic time on longer base-60 numbers

TAG = "tag:yaml.org,2002:"
_NUMBERS = {TAG + "bool", TAG + "int", TAG + "float"}
# Dates are no JSON values and stay as written; a lone "=" or "<<" in a value is text.
_TEXTS = {TAG + name for name in ("str", "timestamp", "value", "merge")}


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML document as plain data.

    Attributes:
        data: null, booleans, numbers, text, lists and mappings with text keys.
        lines: Line of each key and list item, from 1.
        problems: What is wrong although it could be read: duplicate keys, foreign tags.
        readings: Values that YAML 1.1 reads otherwise than most people.
    """

    data: Any
    lines: dict[Path, int]
    problems: tuple[Problem, ...]
    readings: tuple[Problem, ...]


def plain(node: yaml.Node) -> Document:
    """Build the data of a document.

    Raises:
        Several: If it is too large, too deep or contains itself.
    """
    walk = _Walk()
    data = walk.value(node, ())
    return Document(data, walk.lines, tuple(walk.problems), tuple(walk.readings))


def check_limits(nodes: int, depth: int, line: int) -> None:
    """Refuse a document that is too large or too deep."""
    if nodes > MAX_NODES:
        what = f"has more than {MAX_NODES:,} values, aliases expanded"
        raise Several([Problem((), what, line=line)])
    if depth > MAX_DEPTH:
        raise Several([Problem((), f"is nested deeper than {MAX_DEPTH} levels", line=line)])


class _Walk:
    """Builds plain data from nodes, expanding aliases and merge keys, and notes the lines."""

    def __init__(self) -> None:
        self.lines: dict[Path, int] = {}
        self.problems: list[Problem] = []
        self.readings: list[Problem] = []
        self._open: set[int] = set()
        self._nodes = 0
        self._scalars = yaml.constructor.SafeConstructor()

    def value(self, node: yaml.Node, path: Path) -> Any:
        """Build the data of a node that stands at ``path``."""
        line = node.start_mark.line + 1
        self.lines.setdefault(path, line)
        self._enter(node)
        try:
            if isinstance(node, yaml.ScalarNode):
                return self._scalar(node, path)
            if isinstance(node, yaml.SequenceNode) and node.tag == TAG + "seq":
                return [self.value(item, (*path, i)) for i, item in enumerate(node.value)]
            if isinstance(node, yaml.MappingNode) and node.tag == TAG + "map":
                return self._mapping(node, path)
        finally:
            self._open.discard(id(node))
        return self._refuse_tag(node, path)

    def _enter(self, node: yaml.Node) -> None:
        """Count a node and refuse one that is inside itself."""
        line = node.start_mark.line + 1
        if id(node) in self._open:
            raise Several([Problem((), "an alias (*) stands inside its own anchor (&)", line=line)])
        self._open.add(id(node))
        self._nodes += 1
        check_limits(self._nodes, len(self._open), line)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        data = {}
        for key, (key_node, value_node) in self._pairs(node, path).items():
            self.lines[(*path, key)] = key_node.start_mark.line + 1
            data[key] = self.value(value_node, (*path, key))
        return data

    def _pairs(self, node: yaml.MappingNode, path: Path) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        """Return the entries of a mapping: merged ones first, own ones win."""
        own: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        merged: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key_node, value_node in node.value:
            if key_node.tag == TAG + "merge":
                for pairs in self._merged(value_node, path):
                    merged = pairs | merged
                continue
            key = self._key(key_node, path)
            if key is None:
                continue
            if key in own:
                first = own[key][0].start_mark.line + 1
                what = f"is given twice, first in line {first}; keep one"
                line = key_node.start_mark.line + 1
                self.problems.append(Problem((*path, key), what, line=line))
                continue
            own[key] = (key_node, value_node)
        return {key: pair for key, pair in merged.items() if key not in own} | own

    def _merged(
        self, node: yaml.Node, path: Path
    ) -> Iterator[dict[str, tuple[yaml.Node, yaml.Node]]]:
        """Return the entries of what ``<<`` names: one mapping or a list of them."""
        for source in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            if not isinstance(source, yaml.MappingNode):
                line = source.start_mark.line + 1
                what = "<< merges a mapping or a list of mappings, nothing else"
                self.problems.append(Problem(path, what, line=line))
                continue
            self._enter(source)
            self._nodes += len(source.value)
            yield self._pairs(source, path)
            self._open.discard(id(source))

    def _key(self, node: yaml.Node, path: Path) -> str | None:
        """Return a key, as text even if it is a problem that it is none; None: not possible."""
        if not isinstance(node, yaml.ScalarNode):
            self._complain(node, path, "has a key that is a list or a mapping; keys are text")
            return None
        if node.tag not in _TEXTS:
            what = f"the key {shown(node.value)} is no text in YAML 1.1; quote it"
            self._complain(node, path, what)
        elif not _is_unicode(node.value):
            self._complain(node, path, "has a key with characters that are no Unicode text")
            return None
        return str(node.value)

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        text: str = node.value
        if node.style is None and (reading := _reading(text, node.tag)):
            self.readings.append(Problem(path, reading))
        if node.tag in _TEXTS:
            if not _is_unicode(text):
                self._complain(node, path, "holds characters that are no Unicode text")
            return text
        if node.tag == TAG + "null":
            return None
        if node.tag not in _NUMBERS:
            return self._refuse_tag(node, path)
        try:
            if len(text) > _LONGEST_NUMBER:
                raise ValueError(text)
            return self._number(node)
        except (ValueError, KeyError, IndexError, ArithmeticError):
            kind = node.tag.removeprefix(TAG)
            self._complain(node, path, f"{shown(text)} cannot be read as {kind}; quote it")
            return text

    def _number(self, node: yaml.ScalarNode) -> bool | int | float:
        if node.tag == TAG + "bool":
            return bool(self._scalars.construct_yaml_bool(node))
        if node.tag == TAG + "int":
            return int(self._scalars.construct_yaml_int(node))
        return float(self._scalars.construct_yaml_float(node))

    def _refuse_tag(self, node: yaml.Node, path: Path) -> None:
        tag = node.tag.replace(TAG, "!!")
        self._complain(
            node, path, f"the tag {shown(tag)} has no meaning in a sweep file; remove it"
        )

    def _complain(self, node: yaml.Node, path: Path, what: str) -> None:
        self.problems.append(Problem(path, what, line=node.start_mark.line + 1))


def _is_unicode(text: str) -> bool:
    """Tell whether a text can be stored: no half surrogate pairs, no NUL."""
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def _reading(text: str, tag: str) -> str | None:
    """Say how YAML 1.1 reads a plain scalar, where that is not what it looks like."""
    if tag == TAG + "bool" and text.lower() in ("yes", "no", "on", "off"):
        value = "true" if text.lower() in ("yes", "on") else "false"
        return f"{text} is read as {value}, as YAML 1.1 has it; write {value}, or quote the text"
    if tag in _NUMBERS and ":" in text:
        return f"{text} is read in base 60, as YAML 1.1 has it; write the number, or quote the text"
    if re.fullmatch(r"[-+]?0[0-9_]+", text):
        base = "octal" if tag == TAG + "int" else "text"
        return f"{text} is read as {base}, as YAML 1.1 has it; drop the leading zero, or quote it"
    return None
