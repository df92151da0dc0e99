"""Overrides from the command line: ``key.path=value``.

Owns: their grammar and how they change a document. A value is YAML, as in the file. Imports only
this room.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sweeper.config.problems import Path, Problem, Several, dotted, kind
from sweeper.config.source import Source
from sweeper.config.yaml_file import read_text
from sweeper.config.yaml_nodes import Document

_CAP: Path = ("budget", "trials")


def settle_run_cap(data: dict[str, Any], source: Source) -> list[Problem]:
    """Move W&B's ``run_cap`` of a file to ``budget.trials``.

    Returns:
        What is wrong: both are given and differ.
    """
    cap = data.pop("run_cap", None)
    if data.get("budget") is None:
        data["budget"] = {}
    budget = data["budget"]
    if cap is None or not isinstance(budget, dict):
        return []
    given = budget.get("trials")
    if given is None:
        budget["trials"] = cap
        source.lines[_CAP] = source.lines.get(("run_cap",), 1)
        source.written_as[_CAP] = ("run_cap",)
    elif given != cap:
        what = f"is W&B's name of budget.trials, got {cap} and {given}; keep one of them"
        return [Problem(("run_cap",), what)]
    return []


def apply_overrides(
    overrides: Sequence[str], data: dict[str, Any], source: Source
) -> tuple[list[Problem], list[Problem]]:
    """Change a document in place, in the order of the command line.

    Args:
        overrides: As typed.
        data: The document, with ``run_cap`` settled.
        source: Learns which places an override set.

    Returns:
        What is wrong, and how YAML 1.1 read what looks otherwise.
    """
    problems: list[Problem] = []
    readings: list[Problem] = []
    for index, text in enumerate(overrides):
        source.labels.append(text)
        try:
            path, document = _applied(text, index, data, source)
        except Several as several:
            problems.extend(replace(it, override=index) for it in several.problems)
        else:
            problems.extend(replace(it.below(path), override=index) for it in document.problems)
            readings.extend(it.below(path) for it in document.readings)
    return problems, readings


def _applied(text: str, index: int, data: dict[str, Any], source: Source) -> tuple[Path, Document]:
    """Apply one override; return the place that it set and what it set there."""
    key, equals, value = text.partition("=")
    names = key.strip().split(".")
    if not equals or not all(names):
        raise Several([Problem((), "an override is written key.path=value")])
    if not value.strip():
        what = f"has no value; write {key}=null to unset it, {key}=\"''\" for empty text"
        raise Several([Problem((), what)])
    document = read_text(value)
    by_alias = names == ["run_cap"]
    container, path = _descended(data, list(_CAP) if by_alias else names, index, source)
    container[path[-1]] = document.data
    source.override(path, index)
    if by_alias:
        source.written_as[path] = ("run_cap",)
    return path, document


def _descended(
    data: dict[str, Any], names: list[Any], index: int, source: Source
) -> tuple[dict[str | int, Any], Path]:
    """Find the mapping that holds the last name, making the mappings on the way."""
    container: Any = data
    path: Path = ()
    while True:
        if not isinstance(container, dict):
            what = f"is {kind(container)}, not a mapping; override {dotted(path)} as a whole"
            raise Several([Problem(path, what)])
        # Parameter names may hold dots: the longest known key wins.
        taken = next((n for n in range(len(names), 1, -1) if ".".join(names[:n]) in container), 1)
        path = (*path, ".".join(names[:taken]))
        names = names[taken:]
        if not names:
            return container, path
        if container.get(path[-1]) is None:
            container[path[-1]] = {}
            source.override(path, index)
        container = container[path[-1]]
