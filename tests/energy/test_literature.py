"""Published figures come out of the product's own formulas (docs/energy.md, last paragraphs)."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from sweeper.energy.carbon import CarbonSettings, factors
from sweeper.model import Direction, Energy, Factors, Goals, Metric
from sweeper.reporting.model_card import TrainingType, model_card
from sweeper.reporting.summary import Asked, Summary, summarize
from sweeper.testing.histories import history_of, trial_row

DATA = Path(__file__).parent / "data"
G_PER_LB = 453.59237
STRUBELL = Factors(
    0.954 * G_PER_LB, "US average, Strubell et al. 2019", pue=1.58, price_per_kwh=0.12
)
GOALS = Goals.of(Metric("loss", Direction.MINIMIZE))

# Table 3 prints hours that do not give its own figures: hours that do (data/README.md).
MISPRINTED = {("BERT_base", "V100x64"): 79.2, ("NAS", "TPUv2x1"): 32633.0}


def table(name: str) -> list[dict[str, str]]:
    """Read a table of published figures."""
    with (DATA / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


TABLE_3 = table("strubell_table3.csv")
TABLE_4 = table("strubell_table4.csv")
CARDS = table("model_cards.csv")


def printed(value: str) -> float:
    """Return a printed figure, for half a unit of its last digit: all of Table 3 are whole."""
    assert "." not in value
    return float(value)


def hours_of(row: Mapping[str, str]) -> float:
    """Return the hours that a row's other figures were made with."""
    return MISPRINTED.get((row["model"], row["hardware"]), float(row["hours"]))


def joules(power_w: float, hours: float) -> float:
    """Return the energy of a power."""
    return power_w * hours * 3600


def row_id(row: Mapping[str, str]) -> str:
    """Name a case by its first two columns."""
    return "-".join(list(row.values())[:2])


@pytest.mark.parametrize("row", [it for it in TABLE_3 if it["power_W"]], ids=row_id)
def test_energy_and_emissions_of_strubell_table_3(row: Mapping[str, str]) -> None:
    """Kilowatt-hours with PUE, and pounds, to half a unit of the last printed digit."""
    energy_j = joules(float(row["power_W"]), hours_of(row))
    grams = STRUBELL.co2e_g(energy_j)
    assert grams is not None
    assert STRUBELL.site_kwh(energy_j) == pytest.approx(printed(row["kWh_x_PUE_paper"]), abs=0.5)
    assert grams / G_PER_LB == pytest.approx(printed(row["CO2e_lb_paper"]), abs=0.5)


@pytest.mark.parametrize("row", TABLE_3, ids=row_id)
def test_cloud_cost_of_strubell_table_3(row: Mapping[str, str]) -> None:
    """Device-hours times the price of the year, preemptible and on demand."""
    device_h = int(row["n_devices"]) * hours_of(row)
    for price, cost in (
        ("usd_per_device_h_preempt", "cost_low_paper"),
        ("usd_per_device_h_ondemand", "cost_high_paper"),
    ):
        rented = Factors(475.0, "any", cloud_rate_per_gpu_h=float(row[price]))
        assert rented.cloud_cost(device_h) == pytest.approx(printed(row[cost]), abs=0.5)


@pytest.mark.parametrize("row", TABLE_3, ids=row_id)
def test_only_two_rows_of_table_3_are_misprinted(row: Mapping[str, str]) -> None:
    """The printed hours reproduce the low cost of six rows, and visibly not that of two."""
    rate = float(row["usd_per_device_h_preempt"])
    cost = Factors(475.0, "any", cloud_rate_per_gpu_h=rate).cloud_cost(
        int(row["n_devices"]) * float(row["hours"])
    )
    assert cost is not None
    agrees = abs(cost - printed(row["cost_low_paper"])) <= 0.5
    assert agrees is ((row["model"], row["hardware"]) not in MISPRINTED)


# 82,250 kWh at the meter for 239,942 GPU-hours: 216.96 W per GPU before PUE.
ALL_J = 9870 / 0.12 / 1.58 * 3.6e6
GPU_W = ALL_J / 3600 / 239942


def sweep_of(models: int, gpu_h: float, rate: float) -> Summary:
    """Summarize a sweep that trained so many models on P100s, an equal part each."""
    hours = gpu_h / models
    rows = [
        trial_row(n, [0.5], energy=joules(GPU_W, hours), elapsed_s=hours * 3600)
        for n in range(models)
    ]
    priced = Factors(
        STRUBELL.g_per_kwh,
        STRUBELL.intensity_from,
        pue=STRUBELL.pue,
        price_per_kwh=0.12,
        cloud_rate_per_gpu_h=rate,
    )
    return summarize(
        history_of(*rows), goals=GOALS, factors=priced, asked=Asked(gpus_each=1), ray_started=False
    )


@pytest.mark.parametrize("row", TABLE_4, ids=lambda row: row["estimate"])
@pytest.mark.parametrize(
    ("rate", "cost"), [(0.43, "cloud_low_usd"), (1.46, "cloud_high_usd")], ids=["low", "high"]
)
def test_a_real_search_of_strubell_table_4(row: Mapping[str, str], rate: float, cost: str) -> None:
    """A sweep's own summary gives rent and electricity of one model, of 24, and of all."""
    summary = sweep_of(int(row["models"]), float(row["gpu_h"]), rate)
    assert summary.held.gpu_h == pytest.approx(float(row["gpu_h"]))
    assert summary.cloud_cost == pytest.approx(printed(row[cost]), abs=0.5)
    assert summary.cost == pytest.approx(printed(row["electricity_usd"]), abs=0.5)


def test_the_pounds_of_strubell_table_4() -> None:
    """216.96 W per GPU, 82,250 kWh and 78,467 lb; Table 1 of the paper prints 78,468."""
    grams = STRUBELL.co2e_g(ALL_J)
    assert grams is not None
    assert pytest.approx(216.96, abs=0.005) == GPU_W
    assert STRUBELL.site_kwh(ALL_J) == pytest.approx(82_250)
    assert grams / G_PER_LB == pytest.approx(78_467, abs=0.5 + 1e-9)
    assert grams / G_PER_LB == pytest.approx(78_468, abs=1.5 + 1e-9)


@pytest.mark.parametrize(
    ("power_w", "lb_per_kwh", "expected_lb"),
    [
        pytest.param(300.0, 0.528, 0.2502, id="eGRID-CAMX-2016"),
        pytest.param(350.0, 0.4525, 0.250, id="California-2016"),
        pytest.param(250.0, 0.954, 0.377, id="US-average"),
    ],
)
def test_a_quarter_of_a_pound_per_gpu_hour(
    power_w: float, lb_per_kwh: float, expected_lb: float
) -> None:
    """A well-known article's rule of thumb follows from a GPU's power, PUE 1.58 and California."""
    grid = factors(CarbonSettings(carbon_intensity=lb_per_kwh * G_PER_LB, pue=1.58))
    grams = grid.co2e_g(joules(power_w, 1.0))
    assert grams is not None
    assert grams / G_PER_LB == pytest.approx(expected_lb, abs=0.0005)


def test_forty_gpu_hours_are_ten_pounds() -> None:
    """0.25 lb are 113.4 g, and 40 GPU-hours at that rate 10 lb."""
    grid = factors(CarbonSettings(carbon_intensity=0.528 * G_PER_LB, pue=1.58))
    one, forty = grid.co2e_g(joules(300.0, 1.0)), grid.co2e_g(joules(300.0, 40.0))
    assert one == pytest.approx(113.4, rel=2e-3)
    assert forty == pytest.approx(10 * G_PER_LB, rel=2e-3)


def test_a_mix_is_grams_and_never_kilograms() -> None:
    """25 % coal, 35 % petroleum, 26 % gas, 14 % nuclear: 731.59 g for one kWh."""
    mix = {"coal": 0.25, "petroleum": 0.35, "natural_gas": 0.26, "nuclear": 0.14}
    chosen = factors(CarbonSettings(mix=mix))
    assert chosen.g_per_kwh == pytest.approx(731.59)
    assert chosen.co2e_g(3.6e6) == pytest.approx(731.59)


def test_the_chain_of_units() -> None:
    """600 W for an hour at PUE 1.2 in the US: 0.72 kWh, 266 g, $0.0864."""
    chain = factors(CarbonSettings(region="USA", pue=1.2, price_per_kwh=0.12))
    assert factors(CarbonSettings()).site_kwh(3_600_000) == 1.0
    assert chain.site_kwh(joules(600, 1)) == pytest.approx(0.72)
    assert chain.co2e_g(joules(600, 1)) == pytest.approx(266.0, abs=0.05)
    assert chain.cost(joules(600, 1)) == pytest.approx(0.0864)


@pytest.mark.parametrize("card", CARDS, ids=lambda card: f"{card['hours']}h")
def test_public_model_cards(card: Mapping[str, str]) -> None:
    """The exporter writes grams: one of these cards was published in kilograms."""
    grid = factors(
        CarbonSettings(carbon_intensity=float(card["g_per_kwh"]), pue=float(card["pue"]))
    )
    energy_j = joules(int(card["gpus"]) * float(card["gpu_w"]), float(card["hours"]))
    assert grid.site_kwh(energy_j) == pytest.approx(float(card["kwh"]))
    history = history_of(trial_row(0, [0.5], energy=Energy(energy_j, "declared", "gpu")))
    summary = summarize(history, goals=GOALS, factors=grid, asked=Asked(), ray_started=False)
    text = model_card(history, summary, version="1", training_type=TrainingType.FINE_TUNING)
    block = yaml.safe_load(text)["co2_eq_emissions"]
    assert block["emissions"] == int(card["grams"])
    assert block["training_type"] == "fine-tuning"
