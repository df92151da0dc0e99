from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sweeper.errors import SweeperError
from sweeper.model import Factors, Source, SweepHistory, TrialState
from sweeper.reporting.model_card import TrainingType, model_card
from sweeper.testing.histories import history_of, measured, sweep_row, trial_row
from tests.reporting.gpus import OTHER, SHARED, TRIALS, board, overhead
from tests.reporting.samples import FACTORS, MIXED, summary_of

US = replace(FACTORS, place="United States", pue=1.2, pue_from="given in the sweep file")


def card(
    history: SweepHistory,
    factors: Factors = US,
    *,
    training_type: TrainingType | None = None,
    cpu: str | None = None,
) -> str:
    """Return a sweep's card."""
    summary = summary_of(history, factors=factors)
    return model_card(history, summary, version="1.2", training_type=training_type, cpu=cpu)


def block(text: str) -> dict[str, Any]:
    """Read the card as the hub does."""
    document = yaml.safe_load(text)
    assert list(document) == ["co2_eq_emissions"]
    found = document["co2_eq_emissions"]
    assert isinstance(found, dict)
    return found


def test_the_whole_card() -> None:
    """Grams of the whole sweep, what they are made of, where and on what; the best trial's part."""
    assert card(SHARED, training_type=TrainingType.FINE_TUNING).splitlines() == [
        "co2_eq_emissions:",
        "  emissions: 0.1440",
        '  source: "sweeper 1.2; NVML energy counter; scope gpu; whole sweep, 2 trained trials; '
        '360 g/kWh: US 2023, annual average; PUE 1.2 (given in the sweep file)"',
        '  training_type: "fine-tuning"',
        '  geographical_location: "United States"',
        '  hardware_used: "1 x NVIDIA H200"',
        "# best trial: 1, 72 mg CO2e, 50 % of the sweep",
    ]


def test_emissions_are_a_number_of_grams() -> None:
    """What a reader of YAML gets is a float, for the whole sweep with its overhead."""
    emissions = block(card(SHARED))["emissions"]
    assert isinstance(emissions, float)
    assert emissions == pytest.approx(1200 / 3.6e6 * 1.2 * 360)


@pytest.mark.parametrize(
    ("grams", "written"),
    [
        pytest.param(83524.14, "83524", id="kilograms"),
        pytest.param(266.02, "266.0", id="grams"),
        pytest.param(0.00000745, "0.000007450", id="micrograms"),
        pytest.param(0.0, "0", id="nothing"),
    ],
)
def test_grams_are_written_plainly(grams: float, written: str) -> None:
    """No exponent, no thousands separator, four digits or all of the whole ones."""
    history = history_of(trial_row(0, [0.5], energy=3.6e6))
    text = card(history, Factors(grams, "given"))
    assert f"  emissions: {written}\n" in text


@given(st.floats(1e-9, 1e12))
def test_a_card_is_never_off(grams: float) -> None:
    """Whatever the size, what is read back is what was emitted, to a thousandth."""
    history = history_of(trial_row(0, [0.5], energy=3.6e6))
    found = float(block(card(history, Factors(grams, "given")))["emissions"])
    assert found == pytest.approx(grams, rel=1e-3)


def test_at_least_goes_into_the_source() -> None:
    """A sum that lacks something says so where a reader of the card sees it."""
    source = block(card(MIXED))["source"]
    assert "; at least: the energy of 1 training is not wholly known;" in source
    lost = history_of(*TRIALS, sweep=sweep_row(overhead_j=None))
    assert "at least: the overhead is not wholly known" in block(card(lost))["source"]
    assert "at least" not in card(SHARED)


def test_unknown_energy_is_no_card() -> None:
    """No number is invented: the error says where to look."""
    row = trial_row(0, [0.5], energy=measured(None, source="unavailable"))
    history = history_of(row, sweep=sweep_row(overhead_j=None))
    with pytest.raises(SweeperError, match=r"energy is unknown.*sweeper energy probe"):
        card(history)


def test_a_sweep_that_trained_nothing_has_no_card() -> None:
    """0 g would claim that the model cost nothing, where somebody else paid for it."""
    history = history_of(trial_row(0, [0.5], energy=5.0, source=Source.CACHE))
    with pytest.raises(SweeperError, match="trained nothing itself"):
        card(history)


def test_hardware_is_counted_by_name() -> None:
    """Boards are counted, each once, however many trials ran on it."""
    lines = (board(100.0), board(100.0, uuid=OTHER))
    history = history_of(*TRIALS, sweep=sweep_row(overhead=overhead(*lines)))
    assert block(card(history))["hardware_used"] == "2 x NVIDIA H200"


@pytest.mark.parametrize(
    ("cpu", "hardware"),
    [
        pytest.param("AMD EPYC 7763", "AMD EPYC 7763", id="known"),
        pytest.param(None, "CPU (model not recorded)", id="another-machines"),
    ],
)
def test_without_gpus_it_is_the_cpu(cpu: str | None, hardware: str) -> None:
    """The name of the CPU, if it can be told."""
    row = trial_row(0, [0.5], energy=measured(5.0, source="measured:rapl", scope="cpu"))
    found = block(card(history_of(row), cpu=cpu))
    assert found["hardware_used"] == hardware
    assert "; RAPL; scope cpu;" in found["source"]


def test_what_is_not_known_is_left_out() -> None:
    """No place without a region, no type that nobody gave."""
    found = block(card(history_of(trial_row(0, [0.5], energy=5.0)), FACTORS))
    assert list(found) == ["emissions", "source"]


def test_a_best_trial_of_the_store_is_no_share() -> None:
    """What was trained elsewhere is not in the sum."""
    stored = trial_row(0, [0.9], energy=21.0, source=Source.CACHE)
    text = card(history_of(stored, trial_row(1, [0.5], energy=5.0)))
    assert text.splitlines()[-1] == (
        "# best trial: 0, 2.5 mg CO2e when it was trained elsewhere, not in the sum"
    )


def test_without_a_best_trial_there_is_no_comment() -> None:
    """A sweep that only failed emitted as well."""
    history = history_of(trial_row(0, energy=5.0, state=TrialState.FAILED))
    text = card(history)
    assert "#" not in text
    assert block(text)["emissions"] > 0


def test_names_of_others_break_nothing() -> None:
    """Quotes, line breaks and escapes in names stay inside their text."""
    evil = 'US "2023"\n# x: \x1b[31m'
    found = block(card(SHARED, replace(US, intensity_from=evil)))
    assert 'US "2023" # x:' in found["source"]
