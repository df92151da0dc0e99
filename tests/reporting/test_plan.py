from __future__ import annotations

import json
from dataclasses import replace

import pytest

from sweeper.reporting.forecast import CostSample, forecast
from sweeper.reporting.plan import PlanBudget, PlanFacts, plan_json, plan_text
from tests.reporting.samples import FACTORS

FORECAST = forecast(
    [CostSample(None, 10.0, False), *(CostSample(20.0, 10.0, True) for _ in range(4))],
    trials=48,
    workers=4,
    factors=FACTORS,
)
FACTS = PlanFacts(
    name="digits-mlp",
    sampler="tpe",
    size=240,
    budget=PlanBudget(trials=60, time_s=7200.0, energy_j=1.8e6),
    trials=60,
    replicates=1,
    looked_at=60,
    known=12,
    duplicates=6.925,
    rule="hyperband",
    rungs=(3, 9, 27),
    eta=3.0,
    max_steps=81,
    workers=4,
    forecast=FORECAST,
)


def test_the_whole_text() -> None:
    """A plan says what would be searched, asked, stopped and spent, and what that comes from."""
    assert plan_text(FACTS).splitlines() == [
        "plan of digits-mlp: tpe, nothing is trained",
        "space     240 points",
        "budget    60 trials, 2 h 0 m, 1,800 kJ",
        "trials    60 at most",
        "          the store answers 12 of 60 trials now",
        "          about 6.9 duplicate proposals at random, which cost nothing",
        "stopping  hyperband, the best 1/3 of a rung go on",
        "            rung  3  about 60 judged",
        "            rung  9  about 20 judged",
        "            rung 27  about 6.7 judged",
        "            about 2.2 go on to their end",
        "max_steps 81",
        "workers   4",
        "forecast  time    ~2 m 0 s (2 m 0 s to 2 m 0 s)",
        "          energy  ~960 J (960 J to 960 J)",
        "          CO2e    ~96 mg CO2e (96 mg CO2e to 96 mg CO2e)",
        "          cost    ~0.000040 USD (0.000040 USD to 0.000040 USD)",
        "          for 48 trainings on 4 workers, from 5 records of this objective",
        "          (4 complete, 1 without joules); in brackets the 90 % interval",
        "          assumes the records' mixture of pruned and complete, and hardware",
    ]


def test_the_whole_document() -> None:
    """The JSON holds the same facts, unrounded, with every key always there."""
    document = plan_json(FACTS)
    made = document.pop("forecast")
    assert document == {
        "sweep": "digits-mlp",
        "sampler": "tpe",
        "size": 240,
        "budget": {
            "trials": 60,
            "time_s": 7200.0,
            "energy_j": 1.8e6,
            "co2e_g": None,
            "cost": None,
            "currency": "USD",
        },
        "trials": 60,
        "replicates": 1,
        "looked_at": 60,
        "known": 12,
        "expected_duplicates": 6.925,
        "early_terminate": "hyperband",
        "eta": 3.0,
        "rungs": [
            {"step": 3, "expected_trials": 60.0},
            {"step": 9, "expected_trials": 20.0},
            {"step": 27, "expected_trials": pytest.approx(60 / 9)},
        ],
        "max_steps": 81,
        "workers": 4,
    }
    assert made["energy_j"] == pytest.approx({"value": 960.0, "low": 960.0, "high": 960.0})
    assert (made["records"], made["complete"], made["energy_unknown"]) == (5, 4, 1)
    json.dumps(plan_json(FACTS), allow_nan=False)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        pytest.param(replace(FACTS, size=None), "space     endless", id="endless"),
        pytest.param(replace(FACTS, budget=PlanBudget()), "budget    none", id="no-budget"),
        pytest.param(
            replace(FACTS, budget=PlanBudget(co2e_g=200.0, cost=5.0, currency="EUR")),
            "budget    200 g CO2e, 5.00 EUR",
            id="grams-and-money",
        ),
        pytest.param(
            replace(FACTS, trials=None), "trials    open: they go on until the budget", id="open"
        ),
        pytest.param(replace(FACTS, replicates=3), "60 at most, each with 3 seeds", id="seeds"),
        pytest.param(
            replace(FACTS, looked_at=40), "answers 12 of 40 proposals looked at now", id="sampled"
        ),
        pytest.param(
            replace(FACTS, looked_at=0, known=0), "the store was not looked at", id="no-store"
        ),
        pytest.param(
            replace(FACTS, rule=None, rungs=(), eta=None),
            "stopping  none: every trial is trained to its end",
            id="no-rule",
        ),
        pytest.param(
            replace(FACTS, rule="median", rungs=(), eta=None),
            "stopping  median: every report is judged",
            id="no-rungs",
        ),
        pytest.param(replace(FACTS, trials=None), "rung 27\nmax_steps", id="open-rungs"),
        pytest.param(
            replace(FACTS, trials=None, forecast=None),
            "forecast  none: it is open how many trials there will be",
            id="open-forecast",
        ),
        pytest.param(replace(FACTS, max_steps=None), "max_steps open", id="open-horizon"),
        pytest.param(
            replace(FACTS, forecast=None),
            "forecast  no records of this objective yet: no forecast",
            id="no-records",
        ),
    ],
)
def test_wording_of_what_is_different(facts: PlanFacts, words: str) -> None:
    """What is open, unknown or not there is said in words."""
    assert words in plan_text(facts)


def test_grid_expects_no_duplicates() -> None:
    """Where no proposal can repeat an earlier one, nothing is said about it."""
    assert "duplicate" not in plan_text(replace(FACTS, sampler="grid", duplicates=0.0))


def test_forecast_of_nothing() -> None:
    """Where the store answers everything there is nothing to train."""
    made = forecast([CostSample(1.0, 1.0, True)] * 5, trials=0, workers=4, factors=FACTORS)
    assert "forecast  nothing has to be trained" in plan_text(replace(FACTS, forecast=made))


def test_few_records_have_no_interval() -> None:
    """One record gives figures without brackets, and says so; unknown joules and prices too."""
    free = replace(FACTORS, price_per_kwh=None)
    made = forecast([CostSample(7.2e6, 90.0, True)], trials=2, workers=1, factors=free)
    text = plan_text(replace(FACTS, forecast=made))
    assert "time    ~3 m 0 s\n" in text
    assert "energy  ~4.00 kWh\n" in text
    assert "from 1 record of this objective\n" in text
    assert "too few for an interval" in text
    assert "cost    unknown: no energy.price_per_kwh" in text
    unmeasured = forecast([CostSample(None, 90.0, True)], trials=2, workers=1, factors=free)
    unknown = plan_text(replace(FACTS, forecast=unmeasured))
    assert "energy  unknown: no record knows its joules" in unknown


def test_text_fits_80_columns() -> None:
    """No line needs a terminal wider than 80 columns."""
    assert max(len(line) for line in plan_text(FACTS).splitlines()) <= 80
