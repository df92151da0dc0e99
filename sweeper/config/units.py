"""Quantities with units, as people write them, into seconds, joules, grams and bytes.

Owns: the unit tables and their parsers. Imports nothing but the standard library and the wording
of this room. Each parser raises ``ValueError`` with a finished sentence.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from sweeper.config.problems import nearest, shown

_NUMBER = r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
_QUANTITY = re.compile(rf"\s*({_NUMBER})\s*([A-Za-z][A-Za-z0-9/]*)?\s*")
_PART = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*([A-Za-z]+)\s*")

_LONGEST = 60  # characters; nobody writes a longer quantity, and matching stays cheap

_SECONDS = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("min", "m", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
}
_DURATION = '"90 s", 30m or 1h30m'
_JOULES = {"J": 1.0, "kJ": 1e3, "MJ": 1e6, "Wh": 3.6e3, "kWh": 3.6e6, "MWh": 3.6e9}
_GRAMS = {"g": 1.0, "kg": 1e3, "t": 1e6}
_GRAMS_PER_KWH = {"g/kWh": 1.0, "gCO2e/kWh": 1.0, "kg/kWh": 1e3}
# Decimal prefixes are powers of 1000 and binary ones powers of 1024 (IEC 80000-13).
_BYTES = {"B": 1.0} | {
    f"{prefix}{suffix}": base ** (power + 1.0)
    for base, suffix, prefixes in ((1000, "B", "kMGT"), (1024, "iB", "KMGT"))
    for power, prefix in enumerate(prefixes)
}


def _pattern(units: Mapping[str, float]) -> str:
    """Return a regular expression (ECMA 262, as JSON Schema has them) of a number and its unit."""
    number = r"\+?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?"
    return rf"^\s*{number}\s*({'|'.join(sorted(units))})\s*$"


# For editors, which know nothing of how the parsers below read.
DURATION_PATTERN = rf"^(\s*([0-9]+(\.[0-9]*)?|\.[0-9]+)\s*({'|'.join(sorted(_SECONDS))})\s*)+$"
ENERGY_PATTERN = _pattern(_JOULES)
MASS_PATTERN = _pattern(_GRAMS)
INTENSITY_PATTERN = _pattern(_GRAMS_PER_KWH)
SIZE_PATTERN = _pattern(_BYTES)


def duration_s(value: object) -> float:
    """Read a duration: seconds as a number, or ``90 s``, ``30m``, ``1h30m``, ``1d``.

    Returns:
        Seconds, more than 0.

    Raises:
        ValueError: If it is no duration.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _positive(value, value)
    if not isinstance(value, str):
        raise ValueError(_must_be("a duration", _DURATION, value))
    parts = list(_PART.finditer(value[:_LONGEST]))
    if not parts or "".join(part[0] for part in parts) != value:
        raise ValueError(f"{_must_be('a duration', _DURATION, value)}; units: {_names(_SECONDS)}")
    return _positive(sum(float(part[1]) * _factor(part[2], _SECONDS) for part in parts), value)


def energy_j(value: object) -> float:
    """Read an energy such as ``500 J`` or ``0.5 kWh``; a bare number is refused.

    Returns:
        Joules, more than 0.

    Raises:
        ValueError: If it is no energy.
    """
    return _quantity(value, _JOULES, "an energy", "0.5 kWh")


def mass_g(value: object) -> float:
    """Read a mass such as ``200 g`` or ``1.5 kg``; a bare number is refused.

    Returns:
        Grams, more than 0.

    Raises:
        ValueError: If it is no mass.
    """
    return _quantity(value, _GRAMS, "a mass", "200 g")


def intensity_g_per_kwh(value: object) -> float:
    """Read a carbon intensity: g/kWh as a number, or ``369 g/kWh``.

    Returns:
        Grams of CO2e per kWh, more than 0.

    Raises:
        ValueError: If it is no carbon intensity.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _positive(value, value)
    return _quantity(value, _GRAMS_PER_KWH, "a carbon intensity", "369 g/kWh")


def size_bytes(value: object) -> int:
    """Read a size: whole bytes as a number, or ``4 GiB``, ``512 MB``.

    Returns:
        Bytes, at least 1.

    Raises:
        ValueError: If it is no size.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        _positive(value, value)
        return value
    return max(1, round(_quantity(value, _BYTES, "a size", "4 GiB")))


def _quantity(value: object, units: Mapping[str, float], what: str, example: str) -> float:
    """Read a number and its unit; the unit must be there."""
    is_text = isinstance(value, str) and len(value) <= _LONGEST
    found = _QUANTITY.fullmatch(str(value)) if is_text else None
    bare = isinstance(value, int | float) and not isinstance(value, bool)
    if bare or (found and not found[2]):
        raise ValueError(f"needs a unit, got {shown(value)}; units: {_names(units)}")
    if not found:
        raise ValueError(f"{_must_be(what, example, value)}; units: {_names(units)}")
    return _positive(float(found[1]) * _factor(found[2], units), value)


def _factor(unit: str, units: Mapping[str, float]) -> float:
    """Look a unit up."""
    if unit in units:
        return units[unit]
    near = nearest(unit, list(units))
    mend = f"; did you mean {near}?" if near else ""
    raise ValueError(f"unit {shown(unit)} is not one of: {_names(units)}{mend}")


def _names(units: Mapping[str, float]) -> str:
    """List units, one name for each."""
    first: dict[float, str] = {}
    for unit, factor in units.items():
        first.setdefault(factor, unit)
    return ", ".join(first.values())


def _positive(number: float, value: object) -> float:
    """Return a quantity as a float if it is finite and more than 0."""
    try:
        quantity = float(number)
    except OverflowError:
        quantity = math.inf
    if not 0 < quantity < math.inf:
        raise ValueError(f"must be finite and more than 0, got {shown(value)}")
    return quantity


def _must_be(what: str, example: str, value: object) -> str:
    """Say that a value is no quantity of this kind."""
    return f"must be {what} such as {example}, got {shown(value)}"
