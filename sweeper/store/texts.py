"""JSON texts in columns: curves, ends, energy accounts, decisions, and back, exactly.

Numbers come back bit for bit: Python's JSON writes the shortest text that reads as the same float.
What is unknown is null. Talks to no database.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

from sweeper.errors import CacheError
from sweeper.model import Curve, Decision, Energy, GpuEnergy, Point, RegionEnergy, Verdict
from sweeper.secret_shapes import hide_secrets

__all__ = [
    "cause_text",
    "clean",
    "curve_text",
    "decisions_text",
    "energy_text",
    "final_text",
    "json_text",
    "read_curve",
    "read_decisions",
    "read_energy",
    "read_final",
    "real",
]


def json_text(value: Any, what: str) -> str:
    """Write a value as compact ASCII JSON.

    Raises:
        CacheError: If it is no JSON, which has neither NaN nor infinity; ``what`` names it.
    """
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise CacheError(f"store: {what} cannot be written as JSON: {error}") from error


def clean(text: str | None) -> str | None:
    """Replace what no database stores as text: lone surrogates and the zero character."""
    if text is None:
        return None
    return text.encode("utf-8", errors="replace").decode("utf-8").replace("\0", "?")


def cause_text(cause: str | None) -> str | None:
    """Write why something failed, without what looks like a secret in it."""
    return None if cause is None else clean(hide_secrets(cause))


def real(value: float | None) -> float | None:
    """Make a float of what may be a whole number: a REAL column gives floats back."""
    return None if value is None else float(value)


def curve_text(curve: Curve) -> str:
    """Write a curve as ``[[step, [value | null, ...], energy_j | null, elapsed_s], ...]``."""
    points = [
        [p.step, [real(v) for v in p.values], real(p.energy_j), float(p.elapsed_s)] for p in curve
    ]
    return json_text(points, "a curve")


def read_curve(text: str) -> Curve:
    """Read what ``curve_text`` wrote."""
    return tuple(
        Point(step, tuple(values), energy_j, elapsed_s)
        for step, values, energy_j, elapsed_s in json.loads(text)
    )


def final_text(final: Sequence[float | None]) -> str | None:
    """Write final values, null where one is unknown; None where there are none at all."""
    return json_text([real(value) for value in final], "a final value") if final else None


def read_final(text: str | None) -> tuple[Any, ...]:
    """Read what ``final_text`` wrote: numbers, and None in a record's."""
    return () if text is None else tuple(json.loads(text))


def decisions_text(decisions: Sequence[Decision]) -> str | None:
    """Write decisions as ``[[step, prune, rule, rung, value, threshold], ...]``; None: none."""
    if not decisions:
        return None
    rows = [
        [d.step, v.prune, clean(v.rule), v.rung, _bound_text(v.value), _bound_text(v.threshold)]
        for d in decisions
        for v in (d.verdict,)
    ]
    return json_text(rows, "a decision")


def read_decisions(text: str | None) -> tuple[Decision, ...]:
    """Read what ``decisions_text`` wrote."""
    return tuple(
        Decision(step, Verdict(prune, rule, rung, _bound(value), _bound(threshold)))
        for step, prune, rule, rung, value, threshold in json.loads(text or "[]")
    )


def _bound_text(value: float | None) -> float | str | None:
    """Write a number that JSON has no word for as text: a bound may be infinite."""
    if value is None:
        return None
    number = float(value)
    return number if math.isfinite(number) else str(number)


def _bound(value: float | str | None) -> float | None:
    """Read what ``_bound_text`` wrote."""
    return None if value is None else float(value)


def energy_text(energy: Energy) -> str:
    """Write an energy account with the names of its fields."""
    return json_text(asdict(energy), "an energy account")


_KNOWN = {
    kind: frozenset(field.name for field in fields(kind))
    for kind in (Energy, GpuEnergy, RegionEnergy)
}


def read_energy(text: str) -> Energy:
    """Read what ``energy_text`` wrote, of this version or another.

    A field that an older version did not know is unknown; one that this version does not know is
    left out.
    """
    found = json.loads(text)
    parts = {
        "gpus": tuple(GpuEnergy(**_known(GpuEnergy, gpu)) for gpu in found["gpus"]),
        "flags": tuple(found["flags"]),
        "regions": tuple(
            RegionEnergy(**_known(RegionEnergy, region)) for region in found.get("regions", ())
        ),
    }
    return Energy(**_known(Energy, found) | parts)


def _known(kind: type[Energy | GpuEnergy | RegionEnergy], found: dict[str, Any]) -> dict[str, Any]:
    """Pick the fields that this version knows."""
    return {name: value for name, value in found.items() if name in _KNOWN[kind]}
