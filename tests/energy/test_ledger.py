"""The ledger of a board: whatever the weights, its accounts sum to what the board used."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.energy.ledger import BoardLedger, IdlePolicy, Interval, Share

# Computed by the rule itself and checked by hand: the example of docs/energy.md, "Shared GPUs".
GOLDEN = json.loads(
    Path(__file__).with_name("data").joinpath("attribution_golden.json").read_text()
)


def play_golden(policy: IdlePolicy, *, seen: bool) -> tuple[BoardLedger, dict[str, Share]]:
    """Tick at the example's times; leases begin and end at ticks."""
    inputs: Mapping[str, Any] = GOLDEN["inputs"]
    ledger, shares = BoardLedger(policy), {}
    ticks = inputs["ticks"]
    for (from_s, from_j), (to_s, to_j) in zip([ticks[0], *ticks], ticks, strict=False):
        if to_s > from_s:
            percent = inputs["sm_util"].get(f"{from_s}-{to_s}", {})
            busy = {who: value / 100 * (to_s - from_s) for who, value in percent.items()}
            known = busy if seen else None
            ledger.tick(Interval(to_s - from_s, to_j - from_j, inputs["p_idle_W"], known))
        for who, (begin_s, end_s, fraction) in inputs["leases"].items():
            if begin_s == to_s:
                ledger.lease(who, fraction)
            if end_s == to_s:
                shares[who] = ledger.release(who)
    return ledger, shares


@pytest.mark.parametrize(
    ("name", "policy", "seen"),
    [
        ("active", IdlePolicy.ACTIVE, True),
        ("lease", IdlePolicy.LEASE, True),
        ("active_no_util", IdlePolicy.ACTIVE, False),
    ],
)
def test_the_golden_example_to_the_joule(name: str, policy: IdlePolicy, *, seen: bool) -> None:
    """Two trials that overlap get what the example's arithmetic gives them."""
    expected = GOLDEN[name]
    ledger, shares = play_golden(policy, seen=seen)
    assert {who: share.energy_j for who, share in shares.items()} == {
        "A": expected["A"],
        "B": expected["B"],
    }
    assert ledger.overhead_j == expected["overhead"]
    assert ledger.device_j == expected["sum"]
    assert ledger.external_j == 0
    for who, methods in expected.get("methods", {}).items():
        assert sorted(shares[who].methods) == methods


def test_bounds_of_the_golden_example() -> None:
    """The least is idle share and exclusive joules, the most all that the board used meanwhile."""
    _, shares = play_golden(IdlePolicy.ACTIVE, seen=True)
    assert (shares["A"].lo_j, shares["A"].device_j) == (1500, 4200)
    assert (shares["B"].lo_j, shares["B"].device_j) == (950, 3800)


def test_strangers_pay_for_what_their_kernels_used() -> None:
    """Other people's processes get their part of the dynamic joules, and no trial is exclusive."""
    ledger = BoardLedger()
    ledger.lease("A", 1.0)
    ledger.tick(Interval(10.0, 3000.0, 100.0, {"A": 3.0}, external_busy=1.0))
    share = ledger.release("A")
    assert (share.energy_j, ledger.external_j) == (1000 + 1500, 500)
    assert (share.method, share.lo_j) == ("sm_util", 1000)


def test_without_leases_idle_is_overhead_and_the_rest_is_whose_kernels_ran() -> None:
    """Between trials the idle draw is the sweep's; what strangers do then is theirs."""
    ledger = BoardLedger()
    ledger.tick(Interval(10.0, 1000.0, 60.0, {}, external_busy=2.0))
    assert (ledger.overhead_j, ledger.external_j) == (600, 400)
    ledger.tick(Interval(10.0, 1000.0, 60.0))
    assert (ledger.overhead_j, ledger.external_j) == (1600, 400)
    assert ledger.overhead_idle_j == 1200


def test_what_a_worker_does_between_its_trials_is_overhead() -> None:
    """A worker that warms up beside another's trial pays as overhead, and ends its exclusivity."""
    ledger = BoardLedger()
    ledger.lease("A", 0.5)
    ledger.tick(Interval(10.0, 1000.0, 0.0, {"A": 3.0, "B": 1.0}))
    share = ledger.release("A")
    assert (share.energy_j, ledger.overhead_j, share.method) == (750, 250, "sm_util")
    assert share.exclusive_j == 0


def test_a_gap_is_unknown_and_not_nothing() -> None:
    """An interval that could not be read leaves a mark on every open share."""
    ledger = BoardLedger()
    ledger.lease("A", 1.0)
    ledger.tick(Interval(5.0, None, 60.0, {"A": 5.0}, flags=("counter_gap",)))
    share = ledger.release("A")
    assert (share.gaps, share.seen_s, share.busy_s, share.flags) == (1, 0, None, ("counter_gap",))
    assert ledger.gap_s == 5.0


def test_a_lease_that_is_opened_again_was_overhead() -> None:
    """What was never closed is not lost: it moves to overhead."""
    ledger = BoardLedger()
    ledger.lease("A", 1.0)
    ledger.tick(Interval(1.0, 100.0))
    ledger.lease("A", 1.0)
    assert (ledger.overhead_j, ledger.booked_j, ledger.share("A").energy_j) == (100, 0, 0)


def test_a_mig_slice_is_never_exclusive() -> None:
    """The counter is the whole board's, so a slice has a weight and no measurement of its own."""
    ledger = BoardLedger()
    ledger.lease("A", 3 / 7, mig=True)
    ledger.lease("B", 1 / 7, mig=True)
    ledger.tick(Interval(1.0, 400.0))
    left, right = ledger.release("A"), ledger.release("B")
    assert left.energy_j == pytest.approx(300)
    assert right.energy_j == pytest.approx(100)
    assert {left.method, right.method} == {"mig_slice"}


WORKERS = "ABCDE"
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["lease", "release", "tick"]),
        st.sampled_from(WORKERS),
        st.floats(0.01, 1.0),  # fraction, or elapsed seconds
        st.floats(0, 1e5),  # joules
        st.none() | st.dictionaries(st.sampled_from(WORKERS), st.floats(0, 10)),
        st.floats(0, 10) | st.just(0.0),  # strangers
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(EVENTS, st.sampled_from(IdlePolicy), st.none() | st.floats(0, 500))
def test_the_books_close(
    events: list[tuple[str, str, float, float, dict[str, float] | None, float]],
    policy: IdlePolicy,
    idle_w: float | None,
) -> None:
    """Trials, overhead and strangers sum to the board's joules; nobody has less than nothing."""
    ledger, closed, used_j = BoardLedger(policy), [], 0.0
    for what, worker, amount, joules, busy, strangers in events:
        if what == "lease":
            ledger.lease(worker, amount)
        elif what == "release" and worker in ledger.leases:
            closed.append(ledger.release(worker))
        elif what == "tick":
            used_j += joules
            ledger.tick(Interval(amount, joules, idle_w, busy, strangers))
    shares = [*closed, *(ledger.share(worker) for worker in ledger.leases)]
    booked_j = math.fsum(share.energy_j for share in shares)
    tolerance_j = 1e-9 * max(1.0, used_j)
    assert math.isclose(ledger.booked_j, booked_j, abs_tol=tolerance_j)
    assert math.isclose(
        booked_j + ledger.overhead_j + ledger.external_j, used_j, abs_tol=tolerance_j
    )
    assert math.isclose(ledger.device_j, used_j, abs_tol=tolerance_j)
    for share in shares:
        assert -tolerance_j <= share.lo_j <= share.energy_j + tolerance_j
        assert share.energy_j <= share.device_j + tolerance_j
    assert min(ledger.overhead_j, ledger.external_j) >= -tolerance_j
