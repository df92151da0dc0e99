from __future__ import annotations

import re
from dataclasses import replace

import pytest

from sweeper.model import Factors, Source, SweepState, TrialState
from sweeper.report import figures
from sweeper.report.closing import closing_text
from sweeper.testing.histories import history_of, measured, sweep_row, trial_row, use_row
from tests.report.samples import FACTORS, MIXED, summary_of


def test_the_whole_text() -> None:
    """The closing text says what was found, what it cost, what was avoided and what is next."""
    assert closing_text(summary_of(MIXED)).splitlines() == [
        "digits-mlp-7f3a  complete (budget.trials)  1 m 33 s",
        "best      trial 2, val_accuracy 0.9 at step 2",
        "            lr = 0.02",
        "            hidden = 64",
        "trials    6 asked = 4 trained + 1 from the store + 1 duplicate + 0 attached",
        "          4 complete, 1 pruned, 1 failed",
        "energy    at least 74.5 J spent = 0.0000207 kWh (gpu, measured:counter)",
        "          of which overhead 7.50 J; driver and store are not measured",
        "          unknown for 1 attempt; 80 % of the time is covered",
        "          at least 7.5 mg CO2e (360 g/kWh: US 2023, annual average; PUE 1: not given)",
        "          cost at least 0.0000031 USD",
        "          avoided by the store 21.0 J (would not necessarily have been run)",
        "          avoided by not training duplicates 21.0 J",
        "          avoided by pruning ~96.0 J (estimated)",
        "store     1 trial answered by what alice trained on node9, stored 2025-12-31 00:00 UTC",
        "failed    1 x error: ValueError: bad 3  (sweeper show digits-mlp-7f3a/5)",
        "next      sweeper show digits-mlp-7f3a",
    ]


def test_terminal_and_json_show_the_same_figures() -> None:
    """Every figure of the text is the JSON's, rounded."""
    summary = summary_of(MIXED)
    document, text = summary.to_json(), closing_text(summary)
    energy = document["energy"]
    for figure in (
        figures.energy(energy["spent_j"]),
        figures.kwh(energy["spent_j"]),
        figures.energy(energy["overhead_j"]),
        figures.energy(energy["avoided_cache_j"]),
        figures.energy(energy["avoided_pruning_j"]),
        figures.energy(energy["avoided_duplicate_j"]),
        figures.co2e(document["co2e_g"]),
        figures.money(document["cost"], document["currency"]),
        figures.metric(document["best"]["metrics"]["val_accuracy"]),
        figures.duration(document["elapsed_s"]),
        energy["source"],
        f"{document['trials']['asked']} asked",
    ):
        assert re.search(rf"(?<![\d.]){re.escape(figure)}", text), figure


def test_sweep_that_only_failed_shows_its_causes_first() -> None:
    """Where nothing got a value, the causes come before everything else, three kinds at most."""
    causes = ["error: a", "error: a", "oom: b", "worker: c", "diverged: d", "timeout: e"]
    rows = [trial_row(n, state=TrialState.FAILED, cause=c) for n, c in enumerate(causes)]
    lines = closing_text(summary_of(history_of(*rows))).splitlines()
    assert lines[1:6] == [
        "no trial got a value",
        "failed    2 x error: a  (sweeper show digits-mlp-7f3a/0)",
        "          1 x oom: b  (sweeper show digits-mlp-7f3a/2)",
        "          1 x worker: c  (sweeper show digits-mlp-7f3a/3)",
        "          2 trials with 2 other causes",
    ]
    assert "\n".join(lines).count("error: a") == 1


def test_empty_sweep() -> None:
    """A sweep that asked nothing says that nothing was trained and used."""
    text = closing_text(summary_of(history_of(sweep=sweep_row(overhead_j=None))))
    assert "none: no trial completed" in text
    assert "0 J spent: nothing was trained" in text
    assert "avoided" not in text


def test_interrupted_sweep_says_how_to_go_on() -> None:
    """What was interrupted is counted and can be continued."""
    sweep = sweep_row(state=SweepState.STOPPED, stopped_by="interrupt")
    row = trial_row(0, [0.5], energy=3.0, state=TrialState.LOST)
    text = closing_text(summary_of(history_of(row, sweep=sweep)))
    assert "stopped (interrupt)" in text
    assert "1 unfinished" in text
    assert "the same sweeper run goes on where this one ended" in text


def test_unknown_energy_is_said() -> None:
    """Without any joules the energy, the grams and the cost are unknown."""
    row = trial_row(0, [0.5], energy=measured(None, source="unavailable"))
    text = closing_text(summary_of(history_of(row, sweep=sweep_row(overhead_j=None))))
    assert "unknown spent = unknown" not in text
    assert "energy    unknown spent (none, unavailable)" in text
    assert "CO2e unknown" in text
    assert "cost unknown" in text


def test_unknown_overhead_makes_the_sum_a_lower_bound() -> None:
    """A sum without its overhead is "at least"."""
    row = trial_row(0, [0.5], energy=5.0)
    text = closing_text(summary_of(history_of(row, sweep=sweep_row(overhead_j=None))))
    assert "at least 5.00 J spent" in text
    assert "of which overhead unknown" in text


@pytest.mark.parametrize(
    ("factors", "words"),
    [
        pytest.param(replace(FACTORS, price_per_kwh=None), "cost unknown", id="no-price"),
        pytest.param(replace(FACTORS, pue=1.2, pue_from="file"), "PUE 1.2: file", id="pue"),
        pytest.param(Factors(41.0, "SE 2023"), "41.0 g/kWh: SE 2023", id="intensity"),
    ],
)
def test_factors_are_named(factors: Factors, words: str) -> None:
    """Every conversion says what it was made with."""
    assert words in closing_text(summary_of(MIXED, factors=factors))


def test_other_hardware_is_told_apart() -> None:
    """Avoided joules of other hardware are shown beside the sum."""
    row = trial_row(0, [0.5], source=Source.CACHE)
    history = history_of(row, uses=[use_row(0, 7.0, comparable=False)])
    text = closing_text(summary_of(history))
    assert "avoided by the store 7.00 J, of which 7.00 J on hardware not compared" in text
    assert ", from the store" in text


def test_long_sweep_stays_short_and_plain() -> None:
    """Many params and producers are cut, controls are gone, no line says more than one thing."""
    params = {f"p{n}": n for n in range(30)} | {"\x1b[31mx": "\x1b[0m"}
    rows = [trial_row(n, [0.5], params=params, source=Source.CACHE) for n in range(5)]
    uses = [use_row(n, 1.0, producer=f"user{n}\x1b[31m") for n in range(5)]
    text = closing_text(summary_of(history_of(*rows, uses=uses)))
    assert "\x1b" not in text
    assert "and 23 more: sweeper show digits-mlp-7f3a/0" in text
    assert "3 trials by 3 others" in text
    assert len(text.splitlines()) <= 25
