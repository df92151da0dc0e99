from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.errors import CacheError
from sweeper.model import Decision, Energy, GpuEnergy, Point, RegionEnergy, Verdict
from sweeper.store.texts import (
    clean,
    curve_text,
    decisions_text,
    energy_text,
    final_text,
    read_curve,
    read_decisions,
    read_energy,
    read_final,
)

FINITE = st.floats(allow_nan=False, allow_infinity=False)
NUMBER = st.none() | st.floats(allow_nan=False)
DECISION = st.builds(
    Decision,
    step=st.integers(0, 2**40),
    verdict=st.builds(
        Verdict,
        prune=st.booleans(),
        rule=st.text(st.characters(codec="utf-8", exclude_characters="\0")),
        rung=st.none() | st.integers(0, 2**40),
        value=NUMBER,
        threshold=NUMBER,
    ),
)

KNOWN = st.none() | FINITE
TEXT = st.text(max_size=6)
GPU = st.builds(
    GpuEnergy,
    uuid=TEXT,
    name=TEXT,
    source=TEXT,
    **dict.fromkeys(("memory_peak_bytes", "memory_bytes"), st.none() | st.integers(0, 2**40)),
    **dict.fromkeys(
        ("energy_j", "device_j", "power_limit_w", "idle_j", "external_j", "idle_w", "update_s"),
        KNOWN,
    ),
    **dict.fromkeys(("utilisation", "temp_start_c", "temp_end_c"), KNOWN),
)
REGION = st.builds(
    RegionEnergy, name=TEXT, energy_j=KNOWN, elapsed_s=FINITE, passages=st.integers(1, 2**40)
)
ENERGY = st.builds(
    Energy,
    **dict.fromkeys(("total_j", "lo_j", "hi_j", "cpu_j", "idle_j", "u_rel", "dram_j"), KNOWN),
    **dict.fromkeys(("source", "scope", "attribution"), TEXT),
    **dict.fromkeys(("cpu_source", "dram_source"), st.none() | TEXT),
    coverage=FINITE,
    gpus=st.lists(GPU, max_size=2).map(tuple),
    flags=st.lists(TEXT, max_size=2).map(tuple),
    synced=st.none() | st.booleans(),
    settled=st.booleans(),
    regions=st.lists(REGION, max_size=2).map(tuple),
)
# Fields of an account that version 2 of the store did not have.
LATER = ("idle_j", "u_rel", "synced", "settled", "dram_j", "dram_source", "regions")
LATER_OF_GPUS = ("idle_j", "external_j", "idle_w", "update_s", "utilisation", "memory_peak_bytes",
                 "memory_bytes", "temp_start_c", "temp_end_c")  # fmt: skip


@given(values=st.lists(st.none() | FINITE, max_size=4))
def test_what_is_unknown_stays_unknown(values: list[float | None]) -> None:
    """None is null in curves and at the end, and numbers beside it come back bit for bit."""
    curve = (Point(1, tuple(values), None, 0.5),)
    assert repr(read_curve(curve_text(curve))) == repr(curve)
    assert repr(read_final(final_text(values))) == repr(tuple(values))


@given(decisions=st.lists(DECISION, max_size=4))
def test_decisions_come_back_exactly(decisions: list[Decision]) -> None:
    """Every field survives, an infinite bound too, and the text is plain JSON."""
    text = decisions_text(decisions)
    assert repr(read_decisions(text)) == repr(tuple(decisions))
    json.loads(text or "null", parse_constant=_no_constant)


@given(energy=ENERGY)
def test_an_energy_account_comes_back_exactly(energy: Energy) -> None:
    """Every field survives, boards and regions too, and the text is plain JSON."""
    text = energy_text(energy)
    assert repr(read_energy(text)) == repr(energy)
    json.loads(text, parse_constant=_no_constant)


@given(energy=ENERGY)
def test_an_account_of_version_2_is_read(energy: Energy) -> None:
    """What it did not know is unknown, and the rest is as it was."""
    written = json.loads(energy_text(energy))
    for name in LATER:
        del written[name]
    for gpu in written["gpus"]:
        for name in LATER_OF_GPUS:
            del gpu[name]
    gpus = tuple(
        GpuEnergy(gpu.uuid, gpu.name, gpu.energy_j, gpu.device_j, gpu.power_limit_w, gpu.source)
        for gpu in energy.gpus
    )
    expected = Energy(
        energy.total_j,
        energy.source,
        energy.scope,
        energy.attribution,
        energy.lo_j,
        energy.hi_j,
        energy.coverage,
        energy.cpu_j,
        energy.cpu_source,
        gpus,
        energy.flags,
    )
    assert repr(read_energy(json.dumps(written))) == repr(expected)


@given(energy=ENERGY)
def test_what_a_later_version_knows_more_is_left_out(energy: Energy) -> None:
    """A driver that runs while another one upgrades the store goes on reading it."""
    written = json.loads(energy_text(energy))
    for mapping in (written, *written["gpus"], *written["regions"]):
        mapping["not_yet_known"] = [1]
    assert repr(read_energy(json.dumps(written))) == repr(energy)


def test_an_account_that_version_2_wrote() -> None:
    """A text as it stands in a store of version 2."""
    text = (
        '{"total_j":5.5,"source":"measured:counter","scope":"gpu","attribution":"exclusive",'
        '"lo_j":5.5,"hi_j":null,"coverage":0.97,"cpu_j":null,"cpu_source":null,"gpus":[{"uuid":'
        '"GPU-1","name":"A","energy_j":5.5,"device_j":7.0,"power_limit_w":300.0,"source":'
        '"measured:counter"}],"flags":["counter_reset"]}'
    )
    energy = read_energy(text)
    assert (energy.total_j, energy.flags) == (5.5, ("counter_reset",))
    assert energy.gpus == (GpuEnergy("GPU-1", "A", 5.5, 7.0, 300.0),)
    assert (energy.idle_j, energy.synced, energy.settled, energy.regions) == (None, None, False, ())


def test_no_decision_takes_no_room() -> None:
    """Most trials are never judged: their column is NULL, as in a store of version 1."""
    assert decisions_text(()) is None
    assert read_decisions(None) == ()


def test_a_decision_in_the_store() -> None:
    """The text is compact; what is undefined stands there as a word, not as a number."""
    verdict = Verdict(prune=True, rule="asha", rung=3, value=1, threshold=math.nan)
    text = decisions_text([Decision(3, verdict)])
    assert text == '[[3,true,"asha",3,1.0,"nan"]]'


def test_odd_text_in_a_rule_is_replaced() -> None:
    """A rule that no database holds does not keep the trial from being stored."""
    verdict = Verdict(prune=False, rule="a\0b\udc80", value=1.0, threshold=2.0)
    assert read_decisions(decisions_text([Decision(1, verdict)]))[0].verdict.rule == "a?b?"


@pytest.mark.parametrize("number", [math.nan, math.inf], ids=str)
def test_a_curve_is_finite(number: float) -> None:
    """What a metric cannot be is refused, not bent."""
    with pytest.raises(CacheError, match="a curve"):
        curve_text((Point(1, (None, number), None, 0.0),))


@pytest.mark.parametrize(
    ("text", "kept"),
    [(None, None), ("über", "über"), ("a\0b", "a?b"), ("a\udc80b", "a?b")],
    ids=["none", "umlaut", "zero", "lone surrogate"],
)
def test_text_that_no_database_holds_is_replaced(text: str | None, kept: str | None) -> None:
    """A program's odd output in a cause must not keep its result from being stored."""
    assert clean(text) == kept


def _no_constant(name: str) -> Any:
    raise AssertionError(f"{name} is no JSON")
