"""The numbers of a parameter: bounds, steps, means and shapes.

Owns: what counts as a number and the checks that several distributions share. Imports nothing but
this room.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NoReturn, TypeGuard

from sweeper.config.problems import Path, Problem, Several, kind, looks_like_number, shown

# Samplers work in double precision, which is exact for whole numbers up to here.
EXACT = 2**53
# Twice this is still finite, so that the width of a range is.
LARGEST = 8e307
# e to this, and to its negative, is a number in full precision.
LARGEST_EXPONENT = 708.0


def is_number(value: object) -> TypeGuard[int | float]:
    """Tell whether a value is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_int(value: object) -> TypeGuard[int]:
    """Tell whether a value is a whole number as written; true and false are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def fail(path: Path, what: str) -> NoReturn:
    """Raise a single problem."""
    raise Several([Problem(path, what)])


def reals(
    raw: Mapping[str, Any], defaults: Mapping[str, float | None], positive: Collection[str] = ()
) -> list[float]:
    """Read real numbers.

    Args:
        raw: The parameter.
        defaults: Keys, in the order of the result, and what stands for an absent one; None: the
            key is there.
        positive: Keys whose numbers must be more than 0.

    Raises:
        Several: If one is no finite number, or not positive.
    """
    given = {key: raw.get(key, default) for key, default in defaults.items()}
    wrong = {key: _wrong_number(given[key], positive=key in positive) for key in given}
    problems = [Problem((key,), what) for key, what in wrong.items() if what]
    if problems:
        raise Several(problems)
    return [float(number) for number in given.values()]


def bounds(raw: Mapping[str, Any]) -> list[float]:
    """Read ``min`` and ``max`` as real numbers, the first smaller than the second."""
    numbers = reals(raw, {"min": None, "max": None})
    check_order(raw)
    return numbers


def check_order(raw: Mapping[str, Any]) -> None:
    """Check that ``min`` is smaller than ``max``."""
    low, high = raw["min"], raw["max"]
    if float(low) < float(high):
        return
    mend = "swap them" if low > high else f"a fixed number is {{value: {shown(low)}}}"
    what = f"must be smaller than max, got min={shown(low)} max={shown(high)}; {mend}"
    raise Several([Problem(("min",), what, beside="max")])


def step(raw: Mapping[str, Any], largest: float) -> int | float:
    """Read ``q``, 1.0 unless given; as written, for its type is that of the values.

    Args:
        raw: The parameter.
        largest: The largest number that is counted in steps of it.

    Raises:
        Several: If it is not positive, or so small that the count of steps is no number.
    """
    q = raw.get("q", 1.0)
    if what := _wrong_number(q, positive=True):
        fail(("q",), what)
    assert is_number(q)
    if largest / q > LARGEST:
        fail(("q",), f"is too small for values of up to {largest:g}, got {shown(q)}")
    return q


def weights(raw: object, count: int) -> list[float]:
    """Read the ``probabilities`` of ``count`` values.

    Raises:
        Several: If they are not so many numbers of at least 0 that sum to 1.
    """
    if not isinstance(raw, Sequence) or isinstance(raw, str):
        fail((), f"must be a list, got {kind(raw)}")
    if len(raw) != count:
        fail((), f"must be one for each of the {count} values, got {len(raw)}")
    problems = [
        Problem((index,), _wrong_number(given) or f"must be at least 0, got {shown(given)}")
        for index, given in enumerate(raw)
        if _wrong_number(given) or given < 0
    ]
    if problems:
        raise Several(problems)
    total = math.fsum(raw)
    # Six digits of each: as far as anybody writes thirds, and nothing that a search could notice.
    if abs(total - 1) > 1e-6:
        fail((), f"must sum to 1, got {total:.9g}; divide each by their sum")
    return [float(weight) for weight in raw]


def _wrong_number(given: object, *, positive: bool = False) -> str | None:
    """Say why a value is no number that a distribution can take; None: it is one."""
    if not is_number(given) or (positive and not 0 < given <= LARGEST):
        mend = "; write it without quotes" if looks_like_number(given) else ""
        more = " more than 0" if positive else ""
        return f"must be a number{more}, got {kind(given)}{mend}"
    return None if abs(given) <= LARGEST else f"must be finite, got {shown(given)}"
