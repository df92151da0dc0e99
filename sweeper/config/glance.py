"""A recorded configuration at a glance, for lists of thousands of sweeps.

Owns: reading the few keys that a list shows without validating the rest, which takes milliseconds
for each sweep. Standard library only.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from sweeper.model import Direction

__all__ = ["Glance", "glance"]


@dataclass(frozen=True, slots=True)
class Glance:
    """What a list shows of a configuration.

    Attributes:
        method: How the space is searched; None: it does not say.
        metrics: The names of the objectives; empty: the file names none.
        plain: Which way the one objective gets better, where nothing but it decides which trial is
            the best; None: more does, such as a constraint, a second objective or replicates.
    """

    method: str | None
    metrics: tuple[str, ...]
    plain: Direction | None


_NOTHING = Glance(None, (), None)


def glance(text: str) -> Glance:
    """Look at what ``SweepConfig.resolved_json`` wrote, in this version or another."""
    try:
        document = json.loads(text)
        several = [document["metric"]] if document.get("metric") else document.get("metrics") or []
        replicates = (document.get("trial") or {}).get("replicates", 1)
        alone = len(several) == 1 and not document.get("constraints") and replicates == 1
        return Glance(
            document.get("method"),
            tuple(str(metric["name"]) for metric in several),
            Direction(several[0]["goal"]) if alone else None,
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return _NOTHING
