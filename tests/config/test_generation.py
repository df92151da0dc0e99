from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.config.generation import GENERATION
from sweeper.config.load import restore
from sweeper.config.models import SweepConfig
from tests.config.sweeps import HEAD, errors_of, load_text

TAIL = "parameters: {lr: {min: 0.1, max: 1.0}}\n"
SHARE = st.floats(0.001, 1.0)


def with_mix(mix: str, rest: str = "") -> str:
    """Return a sweep file with a mix in line 5, and more keys of energy from line 6 on."""
    return f"{HEAD}energy:\n  mix: {mix}\n{rest}{TAIL}"


@pytest.mark.parametrize(
    ("mix", "shares"),
    [
        ("{coal: 0.25, natural_gas: 0.75}", {"coal": 0.25, "natural_gas": 0.75}),
        ("{gas: 0.5, oil: 0.25, hydro: 0.25}", {"natural_gas": 0.5, "petroleum": 0.25,
                                                "hydroelectricity": 0.25}),
        ("{coal: 25, petroleum: 35, gas: 26, nuclear: 14}", {"coal": 0.25, "petroleum": 0.35,
                                                             "natural_gas": 0.26, "nuclear": 0.14}),
        ("{wind: 1}", {"wind": 1.0}),
        ("{wind: 100}", {"wind": 1.0}),
        ("{wind: 1, solar: 0}", {"wind": 1.0, "solar": 0.0}),
    ],
    ids=["shares", "short names", "percent", "one", "all percent", "none of one"],
)  # fmt: skip
def test_a_mix_is_shares_of_one(tmp_path: Path, mix: str, shares: dict[str, float]) -> None:
    """Short names stand for the long ones, and percent for parts of one."""
    assert load_text(tmp_path, with_mix(mix)).config.energy.mix == pytest.approx(shares)


@pytest.mark.parametrize("mix", ["{coal: 0.33, gas: 0.66}", "{coal: 33, gas: 66}"])
def test_rounded_shares_are_divided_by_their_sum(tmp_path: Path, mix: str) -> None:
    """What published figures lack to the whole, up to 1 %, is not lost from the intensity."""
    shares = load_text(tmp_path, with_mix(mix)).config.energy.mix
    assert shares == pytest.approx({"coal": 1 / 3, "natural_gas": 2 / 3})


@given(
    shares=st.dictionaries(st.sampled_from(GENERATION), SHARE, min_size=1),
    whole=st.sampled_from([1.0, 100.0]),
    off=st.floats(-0.009, 0.009),
)
def test_any_mix_sums_to_one_and_reads_back(
    shares: dict[str, float], whole: float, off: float
) -> None:
    """However it was written, the resolved mix sums to 1, in the same ratios, and stays so."""
    total = math.fsum(shares.values()) / (whole * (1 + off))
    written = {name: share / total for name, share in shares.items()}
    config = SweepConfig.model_validate(
        {
            "name": "n",
            "objective": "a:b",
            "method": "random",
            "parameters": {"lr": {"value": 1}},
            "energy": {"mix": written},
        }
    )
    assert config.energy.mix is not None
    assert math.fsum(config.energy.mix.values()) == pytest.approx(1, abs=1e-9)
    for name, share in shares.items():
        assert config.energy.mix[name] == pytest.approx(share / math.fsum(shares.values()))
    assert restore(config.resolved_json()) == config


KNOWN = (
    "coal, petroleum, natural_gas, nuclear, hydroelectricity, wind, solar, biomass, geothermal, "
    "gas, oil and hydro"
)


@pytest.mark.parametrize(
    ("mix", "line"),
    [
        ("coal", ':5: energy.mix: must be a mapping such as {coal: 0.25, gas: 0.75}, got "coal"'),
        ("{}", ":5: energy.mix: must be a mapping such as {coal: 0.25, gas: 0.75}, got an empty "
         "mapping"),
        ("{cole: 1}", ':5: energy.mix.cole: there is no source of electricity "cole"; did you mean '
         "coal?"),
        ("{xyz: 1}", ':5: energy.mix.xyz: there is no source of electricity "xyz"; there is '
         f"{KNOWN}"),
        ("{gas: 0.5, natural_gas: 0.5}", ":5: energy.mix.natural_gas: is natural_gas, which is "
         "given twice; keep one"),
        ("{coal: '1'}", ':5: energy.mix.coal: must be a share of 1, or percent, got "1"; write it '
         "without quotes"),
        ("{coal: true}", ":5: energy.mix.coal: must be a share of 1, or percent, got true"),
        ("{coal: -0.5}", ":5: energy.mix.coal: must be a share of 1, or percent, got -0.5"),
        ("{coal: 1e308, gas: 1e308}", ":5: energy.mix.coal: must be a share of 1, or percent, got "
         "1e+308\nsweep.yaml:5: energy.mix.gas: must be a share of 1, or percent, got 1e+308"),
        ("{coal: .nan}", ":5: energy.mix.coal: must be a share of 1, or percent, got nan"),
        ("{coal: 0.25, gas: 0.7}", ":5: energy.mix: must sum to 1, or to 100 where they are "
         "percent, got 0.95; every source counts, small ones too"),
        ("{coal: 60, gas: 42}", ":5: energy.mix: must sum to 1, or to 100 where they are percent, "
         "got 102; every source counts, small ones too"),
        ("{coal: 0}", ":5: energy.mix: must sum to 1, or to 100 where they are percent, got 0; "
         "every source counts, small ones too"),
    ],
)  # fmt: skip
def test_a_wrong_mix_says_what_is_allowed(tmp_path: Path, mix: str, line: str) -> None:
    """Each mistake is one finished line with the cure."""
    assert errors_of(tmp_path, with_mix(mix)) == f"sweep.yaml{line}".split("\n")


def test_all_that_is_wrong_with_a_mix_is_said_at_once(tmp_path: Path) -> None:
    """Every wrong source has its line, beside what else is wrong."""
    text = with_mix("\n    cole: 1\n    gas: -1\n    wind: 0.5", "  gpu_w: 0\n")
    assert [it.partition(": ")[0] for it in errors_of(tmp_path, text)] == [
        "sweep.yaml:6",
        "sweep.yaml:7",
        "sweep.yaml:9",
    ]


def test_a_mix_and_an_intensity_exclude_each_other(tmp_path: Path) -> None:
    """Both say how much carbon a kilowatt-hour is; a region only says where the site is."""
    text = with_mix("{wind: 1}", "  carbon_intensity: 20\n")
    assert errors_of(tmp_path, text) == [
        "sweep.yaml:5: energy.mix: stands beside carbon_intensity; keep one of the two"
    ]
    energy = load_text(tmp_path, with_mix("{wind: 1}", "  region: FRA\n")).config.energy
    assert (energy.region, energy.mix) == ("FRA", {"wind": 1.0})
