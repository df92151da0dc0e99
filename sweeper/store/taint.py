"""Why a result may not be shared: what its worker used or was is not what the key says.

Owns: that judgement, at the end of each training. Reads files; talks to no database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sweeper.model import Ended, NodeFacts
from sweeper.store.code_closure import CodeClosure
from sweeper.store.data_files import DataFiles
from sweeper.store.key_text import first_difference
from sweeper.store.question import Question

__all__ = ["Taint"]

# Joules that the objective declares are its own; where there are none, none are compared.
_NO_METER = ("declared", "none", "unavailable")


@dataclass(frozen=True, slots=True)
class Taint:
    """Judges the trainings of one sweep.

    Attributes:
        question: What the key says.
        in_place: Code is run from the working tree, where it can be edited meanwhile.
    """

    question: Question
    in_place: bool = True

    def __call__(self, ended: Ended) -> str | None:
        """Say why a result may not be shared, and what to do; None: it may.

        Args:
            ended: What the worker said.
        """
        if ended.facts is not None:
            other = self._other_node(ended.node, ended.facts)
            if other is not None:
                return other
        return (
            self._unkeyed(ended.imported or ())
            or self._unkeyed_data(ended.opened)
            or self.question.code_changed(besides_project=not self.in_place)
            or self.question.data_changed()
        )

    def _other_node(self, node: str, facts: NodeFacts) -> str | None:
        """Say how the node differs from what the key says about software and hardware."""
        here = self.question.env_text
        if facts.environment is not None and facts.environment != here:
            where = first_difference(here, facts.environment)
            return f"node {node} has another environment than the key says: {where}"
        said = self.question.settings.hardware
        if not isinstance(said, dict) or said.get("policy") != "class":
            return None
        for name, value in facts.hardware.items():
            if name != "count" and name in said and said[name] != value:
                return f"node {node} has other hardware than the key says: {name} is {value}"
        meter = self.question.settings.meter
        if meter is not None and facts.meter not in (*meter.split("+"), *_NO_METER):
            return f"node {node} has another meter than the key says: {facts.meter}, not {meter}"
        return None

    def _unkeyed(self, imported: Sequence[str]) -> str | None:
        """Name the first file of code that was run and is not in the key."""
        code = self.question.code
        if not isinstance(code, CodeClosure):
            return None
        name = code.first_unkeyed(imported, self.question.settings.root.resolve())
        if name is None:
            return None
        mend = (
            "it lies outside of the project: install it, or start sweeper in a folder above"
            if Path(name).is_absolute()
            else "add it to cache.code.include"
        )
        return f"{name} was imported but is not in the key; {mend}"

    def _unkeyed_data(self, opened: Sequence[str]) -> str | None:
        """Name the first file that was read and is neither code nor declared data."""
        code, data, root = self.question.code, self.question.data, self.question.settings.root
        if not isinstance(code, CodeClosure):
            return None
        declared = data.paths(root.resolve()) if isinstance(data, DataFiles) else frozenset()
        for name in opened:
            known = (root / name).resolve() in declared
            if not known and code.first_unkeyed((name,), root.resolve()) is not None:
                return f"{name} was read but is not in the key; add it to cache.data"
        return None
