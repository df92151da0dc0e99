from __future__ import annotations

import re
from dataclasses import replace

import pytest

from sweeper.model import (
    CUT_SHORT,
    Direction,
    Factors,
    Goals,
    Metric,
    Source,
    SweepHistory,
    SweepState,
    TrialState,
)
from sweeper.reporting import figures
from sweeper.reporting.budgets import Budgets
from sweeper.reporting.closing import closing_text
from sweeper.reporting.summary import Asked
from sweeper.testing.histories import history_of, measured, sweep_row, trial_row, use_row
from tests.reporting.gpus import OVERHEAD, SHARED, TRIALS, board, overhead
from tests.reporting.samples import FACTORS, FRONT, MIXED, constrained, summary_of


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
        "          at least 7.5 mg CO2e (PUE 1: not given)",
        "            360 g/kWh: US 2023, annual average",
        "          cost at least 0.0000031 USD",
        "          avoided by the store 21.0 J (would not necessarily have been run)",
        "          avoided by not training duplicates 21.0 J",
        "          avoided by pruning ~96.0 J (estimated)",
        "store     1 trial answered by what alice trained on node9",
        "            (NVIDIA H200), stored 2025-12-31 00:00 UTC",
        "failed    1 x error: ValueError: bad 3  (sweeper show digits-mlp-7f3a/5)",
        "next      sweeper show digits-mlp-7f3a",
        "          sweeper retry digits-mlp-7f3a  (the failed trials, when what failed is mended)",
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
    assert "avoided by the store 7.00 J, of which 7.00 J on hardware that may differ" in text
    assert ", from the store (alice)" in text


def test_what_could_not_be_shared_is_told_by_reason() -> None:
    """A person must hear why results will be trained again; equal reasons are one line."""
    reasons = ["params.token: looks like a secret"] * 2 + ["code: over 256 MiB", "x", "x", "y"]
    rows = [replace(trial_row(n, [0.5]), uncached=why) for n, why in enumerate(reasons)]
    lines = closing_text(summary_of(history_of(trial_row(9, [0.1]), *rows))).splitlines()
    start = lines.index("store     2 trials could not be shared: params.token: looks like a secret")
    assert lines[start + 1 : start + 3] == [
        "          2 trials could not be shared: x",
        "          2 trials for 2 other reasons",
    ]


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


def _curve_of_trials(count: int) -> SweepHistory:
    """Return trials of which each is better in accuracy and worse in joules than the one before."""
    return history_of(
        *(
            trial_row(n, [(0.5 + n / 100, None)], final=(0.5 + n / 100, 10.0 + n), energy=10.0 + n,
                      params={"net": {"hidden": 2**n}, "text": "word " * 20})
            for n in range(count)
        )
    )  # fmt: skip


def test_front_is_a_table() -> None:
    """The front is a small table, the best in the first objective first, on 80 columns."""
    text = closing_text(summary_of(_curve_of_trials(3), goals=FRONT))
    assert text.splitlines()[1:7] == [
        "front     3 trials that no other one beats:",
        "            maximize val_accuracy, minimize energy_j",
        "            trial  val_accuracy  energy_j  params",
        '                2          0.52        12  net.hidden=4 text="word word word ...',
        '                1          0.51        11  net.hidden=2 text="word word word ...',
        '                0           0.5        10  net.hidden=1 text="word word word ...',
    ]


def test_long_front_is_cut() -> None:
    """Twelve rows are shown, and where the others are."""
    lines = closing_text(summary_of(_curve_of_trials(20), goals=FRONT)).splitlines()
    assert lines[1] == "front     20 trials that no other one beats:"
    assert lines[4].split()[0] == "19"
    assert lines[15].split()[0] == "8"
    assert lines[16] == "            and 8 more: sweeper show digits-mlp-7f3a"


@pytest.mark.parametrize("names", [2, 3, 4])
def test_front_fits_80_columns(names: int) -> None:
    """Long names of metrics are cut before the table gets too wide."""
    metrics = [Metric(f"validation_accuracy_{n}", Direction.MAXIMIZE) for n in range(names)]
    row = trial_row(0, [tuple(1 / (n + 3) for n in range(names))])
    lines = closing_text(summary_of(history_of(row), goals=Goals.of(*metrics))).splitlines()
    assert all(len(line) <= 80 for line in lines[3:5])
    assert "0.333333" in lines[4]


def test_infeasible_sweep_names_the_nearest() -> None:
    """Where no trial meets the constraints, it is said, with the one that came nearest."""
    history = history_of(trial_row(0, [0.25]), trial_row(1, [0.5], params={"net": {"lr": 0.1}}))
    text = closing_text(summary_of(history, goals=constrained("val_accuracy >= 0.75")))
    assert text.splitlines()[1:8] == [
        "best      none: no trial met the constraints",
        "          nearest: trial 1, val_accuracy 0.5 at step 1",
        "            breaks val_accuracy >= 0.75",
        "            net.lr = 0.1",
        "trials    2 asked = 2 trained + 0 from the store + 0 duplicates + 0 attached",
        "          2 complete, 0 pruned, 0 failed",
        "          0 of 2 complete trials met the constraints",
    ]


def test_best_shows_its_other_metrics_and_its_seeds() -> None:
    """Beside the first objective the best trial shows what constraints name, and its spread."""
    rows = [
        trial_row(0, [(value, 8.0)], replicate=n) for n, value in enumerate([0.908, 0.912, 0.916])
    ]
    goals = constrained("latency_ms <= 20", names=["latency_ms"])
    lines = closing_text(summary_of(history_of(*rows), goals=goals)).splitlines()
    assert lines[1] == (
        "best      trial 0, val_accuracy 0.912 ± 0.004 (3 seeds) at step 1, "
        "latency_ms 8 ± 0 (3 seeds)"
    )
    assert "          1 of 1 complete trial met the constraints" in lines


PRICED = replace(FACTORS, cloud_rate_per_gpu_h=2.5, offset_price_per_t=80.0)
BUDGETS = Budgets(energy_j=3600.0, co2e_g=0.1, cost=1.0)


def _energy(text: str) -> list[str]:
    """Return the lines of the section about energy, and the hint."""
    lines = text.splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("energy"))
    end = next(n for n, line in enumerate(lines) if line.startswith(("next", "failed")))
    return [line[10:] for line in lines[start:end]]


def test_a_sweep_on_a_shared_gpu() -> None:
    """Uncertainty, idle part, CPUs apart, the closed board, both prices, the offset, the hint."""
    asked = Asked(budgets=BUDGETS, gpus_each=0.5)
    text = closing_text(summary_of(SHARED, factors=PRICED, asked=asked))
    assert _energy(text) == [
        "1.20 kJ ± 6 % spent = 0.000333 kWh (gpu, measured:counter)",
        "of which overhead 200 J, idle draw 400 J; driver and store are not measured",
        "apart from that, not counted: CPUs at least 100 J (estimated:cpu_load)",
        "NVIDIA H200 GPU-3f2a1b9c: trials 1.00 kJ + overhead 200 J + others 50.0 J"
        " = 1.25 kJ in all",
        "120 mg CO2e (PUE 1: not given)",
        "  360 g/kWh: US 2023, annual average",
        "cost 0.000050 USD for electricity",
        "or 0.062 USD to rent 0.0250 GPU-hours, electricity included",
        "offsetting the CO2e 0.0000096 USD, at 80.00 USD per tonne",
        "budget.energy 0.00100 kWh: spent 0.000333 kWh",
        "budget.co2e 100 mg CO2e: spent 120 mg CO2e, 20 mg CO2e over: at most one step per worker",
        "budget.cost 1.00 USD: spent 0.000050 USD",
        "trials kept their GPU busy 14 % of the time: resources.gpus: 0.2 might have fitted,",
        "5 trials per GPU, together 70 % busy with 40 GiB of 140 GiB, if the CPUs carry them",
    ]


def test_rent_alone_is_the_cost() -> None:
    """Without a price of electricity the rent is the cost; the two are never added."""
    factors = replace(PRICED, price_per_kwh=None)
    text = closing_text(summary_of(SHARED, factors=factors, asked=Asked(gpus_each=1)))
    assert "cost 0.12 USD to rent 0.0500 GPU-hours, electricity included" in text
    assert "cost unknown" not in text
    document = summary_of(SHARED, factors=PRICED, asked=Asked(gpus_each=1)).to_json()
    assert document["cloud_cost"] == pytest.approx(0.125)
    assert document["gpu_h"] == pytest.approx(0.05)
    assert document["cost"] == pytest.approx(1200 / 3.6e6 * 0.15)


def test_a_rate_means_nothing_without_gpus() -> None:
    """A sweep on CPUs has no GPU-hours, and so no rent."""
    text = closing_text(summary_of(MIXED, factors=PRICED))
    assert "rent" not in text
    assert summary_of(MIXED, factors=PRICED).to_json()["cloud_cost"] is None


def test_the_overshoot_of_a_budget_is_told() -> None:
    """What was spent beyond an energy budget is in text and JSON, with the reason."""
    sweep = sweep_row(stopped_by="budget.energy")
    history = history_of(trial_row(0, [0.5], energy=0.51 * 3.6e6), sweep=sweep)
    summary = summary_of(history, asked=Asked(budgets=Budgets(energy_j=0.5 * 3.6e6)))
    assert (
        "budget.energy 0.500 kWh: spent 0.510 kWh, 0.0100 kWh over: at most one step per worker"
        in closing_text(summary)
    )
    assert summary.to_json()["budgets"] == [
        {
            "key": "budget.energy",
            "limit": 1.8e6,
            "spent": pytest.approx(1.836e6),
            "over": pytest.approx(0.036e6),
            "assumed": 0.0,
        }
    ]


def test_what_a_budget_assumes_is_labelled() -> None:
    """A trial of unknown energy counts as the mean of the others in the budget, not in the sum."""
    rows = [trial_row(n, [0.5], energy=e) for n, e in enumerate([10.0, 20.0, None])]
    summary = summary_of(history_of(*rows), asked=Asked(budgets=Budgets(energy_j=40.0)))
    text = closing_text(summary)
    assert "at least 30.0 J spent" in text
    assert "for which the budget counts 15.0 J, the mean of the others each" in text
    assert "budget.energy 40.0 J: spent 45.0 J with 15.0 J assumed, 5.00 J over" in text
    assert "the budget counts" not in closing_text(summary_of(history_of(*rows)))


def test_a_budget_of_which_nothing_is_known() -> None:
    """Where no joules are known, so is what was spent of the budget."""
    row = trial_row(0, [0.5], energy=measured(None, source="unavailable"))
    history = history_of(row, sweep=sweep_row(overhead_j=None))
    text = closing_text(summary_of(history, asked=Asked(budgets=Budgets(co2e_g=5.0))))
    assert "budget.co2e 5.0 g CO2e: spent unknown" in text
    assert " over:" not in text


def test_overhead_that_was_cut_short_makes_a_lower_bound() -> None:
    """A driver that died before it booked all of the overhead is told."""
    cut = replace(OVERHEAD, flags=(CUT_SHORT,))
    text = closing_text(summary_of(history_of(*TRIALS, sweep=sweep_row(overhead=cut))))
    assert "at least 1.20 kJ ± 6 % spent" in text
    assert "of which overhead at least 200 J" in text
    assert "in all" not in text, "nothing is claimed about the board"


def test_a_board_that_does_not_add_up_says_so() -> None:
    """What nobody was booked is told with its joules."""
    odd = overhead(board(200.0, device_j=1300.0, external_j=50.0))
    text = closing_text(summary_of(history_of(*TRIALS, sweep=sweep_row(overhead=odd))))
    assert "= 1.30 kJ in all, of which 50.0 J is nobody's" in text


def test_many_boards_are_counted() -> None:
    """Four boards have a line each, the others are counted."""
    lines = [
        board(30.0, uuid=f"GPU-{n:08x}-0", device_j=30.0 + 5 * (n == 7), external_j=0.0)
        for n in range(8)
    ]
    history = history_of(sweep=sweep_row(overhead=overhead(*lines, total_j=240.0)))
    text = closing_text(summary_of(history))
    assert text.count("30.0 J in all") == 4
    assert "and 4 other GPUs: 1 of them does not add up" in text
