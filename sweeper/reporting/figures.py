"""How a number is written, the same everywhere: units, significant digits, unknown, "at least".

Owns: the words for figures. Standard library only; knows nothing about sweeps.
Digits follow docs/energy.md, "Error budget": 3 for joules and kWh, 2 for CO2e, whose grid factor
alone is known to no more.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

from sweeper.model import Params, Value
from sweeper.reporting.clean import jsonable, one_line, visible

__all__ = [
    "UNKNOWN",
    "Writer",
    "about",
    "ago",
    "around",
    "at_least",
    "bounds",
    "co2e",
    "count",
    "dotted",
    "duration",
    "energy",
    "exact",
    "kwh",
    "mean",
    "memory",
    "metric",
    "moment",
    "money",
    "params",
    "percent",
    "share",
    "significant",
    "uncertain",
]

UNKNOWN = "unknown"

# Writes a figure with its unit.
Writer = Callable[[float], str]

_J_PER_KWH = 3.6e6
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3_600, 86_400
_MASSES = (("t", 1e6), ("kg", 1e3), ("g", 1.0), ("mg", 1e-3))  # unit, grams


def significant(value: float, digits: int) -> str:
    """Write a number with so many significant digits, in full where a person can still read it."""
    if value == 0:
        return "0"
    scientific = f"{value:.{digits - 1}e}"
    exponent = int(scientific.partition("e")[2])
    if not -6 <= exponent <= 15:
        return scientific
    return f"{float(scientific):,.{max(0, digits - 1 - exponent)}f}"


def _known(value: float | None) -> float | None:
    """Return None for what is no number."""
    return value if value is not None and math.isfinite(value) else None


def energy(energy_j: float | None) -> str:
    """Write joules as J, kJ or kWh with 3 significant digits."""
    if (known := _known(energy_j)) is None:
        return UNKNOWN
    rounded = abs(float(f"{known:.2e}"))
    if rounded < 1e3:
        return f"{significant(known, 3)} J"
    if rounded < _J_PER_KWH:
        return f"{significant(known / 1e3, 3)} kJ"
    return kwh(known)


def kwh(energy_j: float | None) -> str:
    """Write joules as kWh with 3 significant digits."""
    known = _known(energy_j)
    return UNKNOWN if known is None else f"{significant(known / _J_PER_KWH, 3)} kWh"


def co2e(grams: float | None) -> str:
    """Write a mass of CO2e with 2 significant digits."""
    if (known := _known(grams)) is None:
        return UNKNOWN
    if known == 0:
        return "0 g CO2e"
    rounded = abs(float(f"{known:.1e}"))
    unit, size_g = next((mass for mass in _MASSES if rounded >= mass[1]), _MASSES[-1])
    return f"{significant(known / size_g, 2)} {unit} CO2e"


def money(amount: float | None, currency: str) -> str:
    """Write an amount: cents from 1 on, 2 significant digits below."""
    if (known := _known(amount)) is None:
        return UNKNOWN
    digits = f"{known:,.2f}" if abs(known) >= 1 else significant(known, 2)
    return f"{digits} {visible(currency)}"


def duration(elapsed_s: float | None) -> str:
    """Write seconds with their two leading units: ``0.35 s``, ``1 m 23 s``, ``2 h 5 m``."""
    if (known := _known(elapsed_s)) is None:
        return UNKNOWN
    if known < 9.95:
        return f"{significant(known, 2)} s"
    total = round(known)
    if total < _MINUTE_S:
        return f"{total} s"
    if total < _HOUR_S:
        return f"{total // _MINUTE_S} m {total % _MINUTE_S} s"
    if total < _DAY_S:
        return f"{total // _HOUR_S} h {total % _HOUR_S // _MINUTE_S} m"
    return f"{total // _DAY_S} d {total % _DAY_S // _HOUR_S} h"


def ago(elapsed_s: float) -> str:
    """Write an age with its leading unit."""
    total = int(elapsed_s)
    for unit, size_s in (("d", _DAY_S), ("h", _HOUR_S), ("m", _MINUTE_S)):
        if total >= size_s:
            return f"{total // size_s} {unit} ago"
    return "just now"


def moment(at: float) -> str:
    """Write seconds since 1970 as a date and a time in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def count(number: int, one: str = "", many: str = "") -> str:
    """Write a count with thousands separators and, if given, its noun in the right number."""
    noun = one if number == 1 else many or f"{one}s"
    return f"{number:,} {noun}" if one else f"{number:,}"


def share(part: float) -> str:
    """Write a share between 0 and 1 in percent, never rounded up to all of it."""
    return "100 %" if part >= 1 else f"{math.floor(part * 1000) / 10:g} %"


def metric(value: float | None) -> str:
    """Write a metric's value with 6 significant digits, as verdicts do."""
    known = _known(value)
    return UNKNOWN if known is None else f"{known:.6g}"


def mean(value: float, spread: float | None, seeds: int) -> str:
    """Write a metric's value; over several seeds with its spread: ``0.912 ± 0.004 (3 seeds)``."""
    return around(value, spread) + ("" if seeds == 1 else f" ({count(seeds, 'seed')})")


def around(value: float, spread: float | None) -> str:
    """Write a metric's value with its spread, if there is one: ``0.912 ± 0.004``."""
    return metric(value) + ("" if spread is None else f" ± {spread:.2g}")


def memory(size_bytes: int) -> str:
    """Write an amount of memory in GiB with 2 significant digits, 3 from 100 on."""
    gibibytes = size_bytes / 2**30
    return f"{significant(gibibytes, 2 if gibibytes < 100 else 3)} GiB"


def percent(part: float) -> str:
    """Write a share in percent with 2 significant digits, 3 from 100 on."""
    of_hundred = part * 100
    return f"{f'{of_hundred:.2g}' if of_hundred < 99.5 else f'{of_hundred:.0f}'} %"


def uncertain(figure: str, u_rel: float | None) -> str:
    """Add a relative standard uncertainty in percent: ``74.5 J ± 5 %``."""
    known = _known(u_rel)
    return figure if known is None or figure == UNKNOWN else f"{figure} ± {percent(known)}"


def bounds(lo_j: float | None, hi_j: float | None) -> str:
    """Word what is known of the least and the most; nothing if nothing is."""
    if lo_j is None and hi_j is None:
        return ""
    if lo_j is None:
        return f"at most {energy(hi_j)}"
    if hi_j is None:
        return f"at least {energy(lo_j)}"
    return f"between {energy(lo_j)} and {energy(hi_j)}"


def at_least(figure: str, missing: int) -> str:
    """Word a sum of which ``missing`` terms are unknown."""
    return f"at least {figure}" if missing and figure != UNKNOWN else figure


def about(figure: str) -> str:
    """Word an estimate."""
    return figure if figure == UNKNOWN else f"~{figure}"


def exact(value: Value) -> str:
    """Write a parameter's value as JSON in full, so that it can be copied."""
    return visible(json.dumps(jsonable(value), ensure_ascii=False))


def dotted(values: Params) -> Iterator[tuple[str, Value]]:
    """Yield parameters by their dotted path, nested ones level by level."""
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from ((f"{one_line(name)}.{below}", it) for below, it in dotted(value))
        else:
            yield one_line(name), value


def params(values: Params) -> str:
    """Write parameters on one line, floats with 3 digits: ``lr=0.00123 net.hidden=64``."""
    return " ".join(f"{name}={_compact(value)}" for name, value in dotted(values))


def _compact(value: Value) -> str:
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:.3g}"
    if isinstance(value, str):
        bare = one_line(value)
        return bare if bare and " " not in bare else f'"{bare}"'
    return exact(value)
