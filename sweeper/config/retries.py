"""``trial.retries``: how often a failed trial starts again, in all or by class of failure.

Owns: the names of the classes. Imports pydantic: load lazily.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from sweeper.config.problems import shown, unknown_name
from sweeper.model import CauseKind

__all__ = ["CLASSES", "Retries"]

CLASSES = tuple(
    kind.value
    for kind in CauseKind
    if kind not in (CauseKind.PRUNER, CauseKind.BUDGET, CauseKind.STOPPED, CauseKind.HORIZON)
)


def _read(raw: Any) -> Any:
    """Take a whole number, or a mapping from classes to whole numbers."""
    if not isinstance(raw, Mapping):
        return _often(raw)
    for name in raw:
        if name not in CLASSES:
            raise ValueError(unknown_name(str(name), "class of failure", CLASSES))
    return {name: _often(often) for name, often in raw.items()}


def _often(raw: Any) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int) or raw < 0:
        raise ValueError(f"must be a whole number >= 0, or a mapping by class, got {shown(raw)}")
    return raw


_NUMBER = {"type": "integer", "minimum": 0}
_BY_CLASS = {
    "type": "object",
    "properties": {name: _NUMBER for name in CLASSES},
    "additionalProperties": False,
}
Retries = Annotated[
    int | dict[str, int],
    BeforeValidator(_read),
    WithJsonSchema({"anyOf": [_NUMBER, _BY_CLASS]}),
]
