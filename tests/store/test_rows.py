from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Row

from sweeper.errors import CacheError
from sweeper.model import UNAVAILABLE, Cause, CauseKind, Outcome, Point, Record, TrialState
from sweeper.store.rows import (
    DOC_COLUMNS,
    doc_sha,
    outcome_columns,
    record_columns,
    record_of,
)
from sweeper.testing.store_bench import energy_of, key_of
from sweeper.testing.store_bench import record_of as new_record

FINITE = st.floats(allow_nan=False, allow_infinity=False)
POINTS = st.lists(
    st.builds(
        Point,
        step=st.integers(0, 2**40),
        values=st.tuples(FINITE, st.none() | FINITE),
        energy_j=st.none() | FINITE,
        elapsed_s=FINITE,
    ),
    max_size=5,
)
BASE = new_record(key_of(0.1))


def _read(columns: dict[str, Any]) -> Record:
    """Decode columns as if a database had given them back."""
    return record_of(_Columns(columns))  # type: ignore[arg-type]


class _Columns:
    """A row that is not from a database."""

    def __init__(self, columns: dict[str, Any]) -> None:
        self.__dict__.update(columns)


@given(points=POINTS, final=st.lists(st.none() | FINITE, max_size=3), total_j=st.none() | FINITE)
def test_every_number_comes_back_exactly(
    points: list[Point], final: list[float | None], total_j: float | None
) -> None:
    """Any finite float survives, bit for bit, and the sign of zero with it; None stays None."""
    record = replace(BASE, curve=tuple(points), final=tuple(final), energy=energy_of(total_j))
    assert repr(_read(record_columns(record))) == repr(record)


@given(a=POINTS, b=POINTS)
def test_different_records_have_different_checksums(a: list[Point], b: list[Point]) -> None:
    """Two curves share a checksum only if they share their text."""
    one, other = (record_columns(replace(BASE, curve=tuple(points))) for points in (a, b))
    assert (one["doc_sha"] == other["doc_sha"]) == (one["curve"] == other["curve"])


def test_the_checksum_survives_the_database() -> None:
    """Whole numbers in real columns are digested as the floats that a database gives back."""
    record = replace(BASE, elapsed_s=5, started_at=1, ended_at=2, energy=energy_of(3))
    columns = record_columns(record)
    given_back = columns | {
        name: float(columns[name]) for name in ("elapsed_s", "started_at", "ended_at", "energy_j")
    }
    assert doc_sha(given_back) == columns["doc_sha"]


def test_the_checksum_covers_every_column_of_the_writer() -> None:
    """Each column but the checksum itself is digested."""
    assert set(record_columns(BASE)) == {*DOC_COLUMNS, "doc_sha"}


@pytest.mark.parametrize(
    "change",
    [
        {"curve": (Point(1, (math.nan,), None, 0.0),)},
        {"curve": (Point(1, (0.0,), math.inf, 0.0),)},
        {"final": (math.inf,)},
        {"energy": energy_of(math.nan)},
        {"elapsed_s": math.nan},
        {"hw": {"gpu": object()}},
        {"prov": {"x": math.nan}},
    ],
    ids=["value", "joules", "final", "energy", "seconds", "hardware", "provenance"],
)
def test_what_is_no_json_is_refused(change: dict[str, Any]) -> None:
    """NaN, infinity and objects cannot be stored; the error says what was wrong."""
    with pytest.raises(CacheError, match="store: a"):
        record_columns(replace(BASE, **change))


def test_a_cause_of_odd_bytes_is_stored() -> None:
    """The cause of a failed trial is cleaned."""
    outcome = Outcome(TrialState.FAILED, (), cause=Cause(CauseKind.ERROR, "bad \udcff byte"))
    assert outcome_columns(outcome)["cause"] == "error: bad ? byte"


def test_unknown_energy_stays_unknown() -> None:
    """None is not 0."""
    columns = record_columns(replace(BASE, energy=UNAVAILABLE))
    assert columns["energy_j"] is None
    assert _read(columns).energy == UNAVAILABLE


def test_a_damaged_text_is_named() -> None:
    """A decoder says which kind of row it could not read."""
    row: Row[Any] = _Columns(record_columns(BASE) | {"energy": "{}"})  # type: ignore[assignment]
    with pytest.raises(CacheError, match="a record is damaged"):
        record_of(row)
