"""Results that wait in a file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.model import (
    Cause,
    CauseKind,
    Claim,
    Outcome,
    Point,
    RecordStatus,
    Settled,
    Source,
    TrialState,
    Use,
)
from sweeper.store.spool import Spool, read_settled, settled_text, spool_of, spools
from sweeper.testing.store_bench import DECISIONS, attempt_on, energy_of, key_of, record_of

FINITE = st.floats(allow_nan=False, allow_infinity=False)
POINTS = st.builds(
    Point,
    step=st.integers(0, 2**53),
    values=st.tuples(st.none() | FINITE, FINITE),
    energy_j=st.none() | FINITE,
    elapsed_s=FINITE,
)


def one(number: int = 0) -> Settled:
    """Make a settled attempt with everything that it can have."""
    key = key_of(0.1 * number)
    claim = Claim(key.run_key, 7)
    record = record_of(key, status=RecordStatus.COMPLETE, steps=3, tainted=None, claim=claim)
    outcome = Outcome(
        TrialState.COMPLETE,
        record.curve,
        (0.1 + 0.2, -1.5),
        record.energy,
        1.25,
        node="n1",
        gpus=("GPU-1",),
        decisions=DECISIONS,
    )
    return Settled(attempt_on(number, key, asked=3), outcome, Source.RUN, 4, record, claim)


@settings(max_examples=200)
@given(
    curve=st.lists(POINTS, max_size=4).map(tuple),
    final=st.lists(FINITE, max_size=2).map(tuple),
    told=st.none() | st.integers(0, 2**40),
    text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
    state=st.sampled_from(TrialState),
)
def test_what_is_written_is_what_is_read(
    curve: tuple[Point, ...],
    final: tuple[float, ...],
    told: int | None,
    text: str,
    state: TrialState,
) -> None:
    """Every number comes back bit for bit, every text as it was."""
    full = one()
    settled = replace(
        full,
        told=told,
        outcome=replace(
            full.outcome,
            curve=curve,
            final=final,
            state=state,
            cause=Cause(CauseKind.ERROR, text) if text else None,
        ),
        use=Use(uuid4(), Source.CACHE, 3, 0.1 + 0.2, comparable=False),
    )
    assert read_settled(settled_text(settled)) == settled


def test_attempts_without_key_or_record(tmp_path: Path) -> None:
    """What was never shared waits as well."""
    outcome = Outcome(TrialState.LOST, (), energy=energy_of(1.0))
    lost = Settled(attempt_on(1, None, asked=0), outcome, Source.RUN, None)
    spool = Spool(tmp_path / "a.jsonl")
    spool.append(lost)
    assert spool.waiting() == (lost,)


def test_results_wait_in_order_for_the_next_driver(tmp_path: Path) -> None:
    """Another process reads what one wrote; what was delivered is gone."""
    sweep, waiting = uuid4(), tuple(one(number) for number in range(5))
    for settled in waiting:
        spool_of(tmp_path, sweep).append(settled)
    again = spool_of(tmp_path, sweep)
    assert again.waiting() == waiting
    assert [(file.sweep, file.results) for file in spools(tmp_path)] == [(sweep, 5)]
    again.keep(waiting[3:])
    assert spool_of(tmp_path, sweep).waiting() == waiting[3:]
    again.keep(())
    assert spools(tmp_path) == []


@pytest.mark.parametrize("cut", [1, 10, 200])
def test_a_torn_line_costs_itself_alone(tmp_path: Path, cut: int) -> None:
    """A machine that lost power in the middle of a line leaves the lines before it."""
    spool = Spool(tmp_path / "a.jsonl")
    spool.append(one(0))
    spool.append(one(1))
    spool.path.write_bytes(spool.path.read_bytes()[:-cut])
    assert spool.waiting() == (one(0),) or spool.waiting()[0].attempt == one(0).attempt
    assert len(spool.waiting()) == (2 if cut == 1 else 1)


def test_a_changed_byte_is_noticed(tmp_path: Path) -> None:
    """A number that was changed on the disk does not reach the store."""
    spool = Spool(tmp_path / "a.jsonl")
    spool.append(one())
    digest, body = json.loads(spool.path.read_text(encoding="utf-8"))
    spool.path.write_text(json.dumps([digest, body.replace("1.25", "1.26")]), encoding="utf-8")
    assert spool.waiting() == ()


def test_what_the_disk_refuses_stays_in_memory(tmp_path: Path) -> None:
    """The error is the caller's to tell; nothing is lost while the process lives."""
    (tmp_path / "spool").write_text("a file where a folder should be", encoding="utf-8")
    spool = spool_of(tmp_path, uuid4())
    with pytest.raises((NotADirectoryError, FileExistsError)):
        spool.append(one())
    assert len(spool.waiting()) == 1
