"""A mix of generation: from which sources a site's electricity comes, and in which shares.

Owns: the names of the sources and the rules of their shares; the carbon intensity of each is
elsewhere. Imports pydantic: load lazily.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated

from pydantic import PlainValidator, WithJsonSchema

from sweeper.config.numbers import is_number
from sweeper.config.problems import Problem, Several, kind, looks_like_number, unknown_name

# What a mix may be made of; a resolved one has these names only.
GENERATION = (
    "coal",
    "petroleum",
    "natural_gas",
    "nuclear",
    "hydroelectricity",
    "wind",
    "solar",
    "biomass",
    "geothermal",
)
# What people write instead.
_SHORT = {"gas": "natural_gas", "oil": "petroleum", "hydro": "hydroelectricity"}
_KNOWN = (*GENERATION, *_SHORT)
_EXAMPLE = "{coal: 0.25, gas: 0.75}"
_TOLERANCE = 0.01 + 1e-9  # of the sum: published mixes are rounded to whole percent
_MOST = 100 * (1 + _TOLERANCE)  # of one share in percent
_EXACT = 1e-9  # of the sum: shares that were divided by their sum are left alone


def _read_mix(raw: object) -> dict[str, float]:
    """Read the shares, as parts of 1 or in percent; they are divided by their sum.

    Raises:
        Several: If a name is unknown, a share is no number, or the sum is neither 1 nor 100.
    """
    if not isinstance(raw, Mapping) or not raw:
        given = "an empty mapping" if isinstance(raw, Mapping) else kind(raw)
        raise ValueError(f"must be a mapping such as {_EXAMPLE}, got {given}")
    shares: dict[str, float] = {}
    problems = []
    for name, share in raw.items():
        what = _wrong_name(name, shares) or _wrong_share(share)
        if what:
            problems.append(Problem((name,), what))
        else:
            shares[_full(name)] = float(share)
    if problems:
        raise Several(problems)
    total = math.fsum(shares.values())
    whole = next((it for it in (1.0, 100.0) if abs(total / it - 1) <= _TOLERANCE), None)
    if whole is None:
        what = "must sum to 1, or to 100 where they are percent"
        raise ValueError(f"{what}, got {total:.6g}; every source counts, small ones too")
    if abs(total - 1) <= _EXACT:
        return shares
    return {name: share / total for name, share in shares.items()}


def _full(name: str) -> str:
    """Return the name that a mix is kept under."""
    return _SHORT.get(name, name)


def _wrong_name(name: str, before: Mapping[str, float]) -> str | None:
    """Say why a name is none of a source; None: it is one."""
    if name not in _KNOWN:
        return unknown_name(name, "source of electricity", _KNOWN)
    return f"is {_full(name)}, which is given twice; keep one" if _full(name) in before else None


def _wrong_share(share: object) -> str | None:
    """Say why a share is none; None: it is one."""
    if is_number(share) and 0 <= share <= _MOST:
        return None
    mend = "; write it without quotes" if looks_like_number(share) else ""
    return f"must be a share of 1, or percent, got {kind(share)}{mend}"


# The mix, as the file has it and with shares that sum to 1.
MixField = Annotated[
    Mapping[str, float],
    PlainValidator(_read_mix),
    WithJsonSchema(
        {
            "type": "object",
            "minProperties": 1,
            "propertyNames": {"enum": list(_KNOWN)},
            "additionalProperties": {"type": "number", "minimum": 0, "maximum": _MOST},
            "$comment": f"shares of {', '.join(_KNOWN)}",
        }
    ),
]
