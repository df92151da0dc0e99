from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.reporting import figures


@pytest.mark.parametrize(
    ("energy_j", "text"),
    [
        (None, "unknown"),
        (math.nan, "unknown"),
        (0.0, "0 J"),
        (0.00123456, "0.00123 J"),
        (12.34, "12.3 J"),
        (999.4, "999 J"),
        (999.6, "1.00 kJ"),
        (1834.2, "1.83 kJ"),
        (3_599_999.0, "1.00 kWh"),
        (3.6e6, "1.00 kWh"),
        (3.6e10, "10,000 kWh"),
        (-12.34, "-12.3 J"),
    ],
)
def test_energy(energy_j: float | None, text: str) -> None:
    """Energy has three significant digits and a unit that a person can picture."""
    assert figures.energy(energy_j) == text


@pytest.mark.parametrize(
    ("grams", "text"),
    [
        (None, "unknown"),
        (0.0, "0 g CO2e"),
        (0.0000071, "0.0071 mg CO2e"),
        (0.19345, "190 mg CO2e"),
        (0.9999, "1.0 g CO2e"),
        (12.3, "12 g CO2e"),
        (1234.0, "1.2 kg CO2e"),
        (5e6, "5.0 t CO2e"),
    ],
)
def test_co2e(grams: float | None, text: str) -> None:
    """CO2e has two significant digits: its grid factor is known to no more."""
    assert figures.co2e(grams) == text


@pytest.mark.parametrize(
    ("elapsed_s", "text"),
    [
        (None, "unknown"),
        (0.0, "0 s"),
        (0.351, "0.35 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 m 0 s"),
        (83.0, "1 m 23 s"),
        (7500.0, "2 h 5 m"),
        (86_400.0 * 3 + 3600 * 4, "3 d 4 h"),
    ],
)
def test_duration(elapsed_s: float | None, text: str) -> None:
    """A duration has its two leading units."""
    assert figures.duration(elapsed_s) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (None, "unknown"),
        (0.00012345, "0.00012 EUR"),
        (12.345, "12.35 EUR"),
        (1234.5, "1,234.50 EUR"),
    ],
)
def test_money(amount: float | None, text: str) -> None:
    """Amounts have cents; smaller ones two significant digits."""
    assert figures.money(amount, "EUR") == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5.0, "just now"),
        (59.0, "just now"),
        (61.0, "1 m ago"),
        (7300.0, "2 h ago"),
        (2e5, "2 d ago"),
    ],
)
def test_ago(seconds: float, text: str) -> None:
    """An age has its leading unit; a clock that is behind is no negative age."""
    assert figures.ago(seconds) == text


@pytest.mark.parametrize(
    ("part", "text"), [(1.0, "100 %"), (0.99999, "99.9 %"), (0.8, "80 %"), (0.0, "0 %")]
)
def test_share_never_rounds_up_to_all(part: float, text: str) -> None:
    """A coverage that is not complete never reads 100 %."""
    assert figures.share(part) == text


def test_counts_have_separators_and_nouns() -> None:
    """Counts have thousands separators and their noun in the right number."""
    assert figures.count(1234567) == "1,234,567"
    assert figures.count(1, "trial") == "1 trial"
    assert figures.count(2, "trial") == "2 trials"


def test_params_are_compact() -> None:
    """Floats are rounded, other values are JSON, text is quoted where it has blanks."""
    params = {
        "lr": 0.00123456,
        "hidden": 64,
        "opt": "adam",
        "name": "a b",
        "on": True,
        "off": None,
        "layers": [1, {"x": 0.5}],
        "nan": math.nan,
    }
    assert figures.params(params) == (
        'lr=0.00123 hidden=64 opt=adam name="a b" on=true off=null layers=[1, {"x": 0.5}] nan=null'
    )


def test_wording_of_what_is_not_exact() -> None:
    """Missing terms say "at least", estimates "~", and the unknown stays plain."""
    assert figures.at_least("12.3 J", 1) == "at least 12.3 J"
    assert figures.at_least("12.3 J", 0) == "12.3 J"
    assert figures.at_least(figures.UNKNOWN, 1) == "unknown"
    assert figures.about("2 kJ") == "~2 kJ"
    assert figures.about(figures.UNKNOWN) == "unknown"


def test_exact_values_can_be_copied() -> None:
    """A value in full is JSON with all its digits."""
    assert figures.exact(0.1 + 0.2) == "0.30000000000000004"
    assert figures.exact("é") == '"é"'


@given(st.floats(1e-6, 1e14), st.integers(2, 4))
def test_significant_digits_keep_the_value(value: float, digits: int) -> None:
    """What is written differs from the value by less than its last digit allows."""
    written = float(figures.significant(value, digits).replace(",", ""))
    assert written == pytest.approx(value, rel=0.51 * 10 ** (1 - digits))


@pytest.mark.parametrize(
    ("value", "spread", "seeds", "written"),
    [
        (0.912, None, 1, "0.912"),
        (0.912, 0.004, 3, "0.912 ± 0.004 (3 seeds)"),
        (1234567.0, 0.0, 2, "1.23457e+06 ± 0 (2 seeds)"),
        (0.5, None, 2, "0.5 (2 seeds)"),
    ],
    ids=["one", "several", "no-spread", "unknown-spread"],
)
def test_mean_over_seeds(value: float, spread: float | None, seeds: int, written: str) -> None:
    """A mean comes with its spread and the number of seeds; a single value comes alone."""
    assert figures.mean(value, spread, seeds) == written


def test_nested_params_are_dotted() -> None:
    """Nested mappings become dotted paths; lists, nulls and empty mappings are values."""
    values = {"a": {"b": {"c": 1}, "d": [1, {"e": 2}]}, "f": {}, "g": None}
    assert dict(figures.dotted(values)) == {"a.b.c": 1, "a.d": [1, {"e": 2}], "f": {}, "g": None}
    assert figures.params(values) == 'a.b.c=1 a.d=[1, {"e": 2}] f={} g=null'


@pytest.mark.parametrize(
    ("part", "text"),
    [(0.0, "0 %"), (0.139999, "14 %"), (0.0525, "5.2 %"), (0.9951, "100 %"), (1.234, "123 %")],
)
def test_percent(part: float, text: str) -> None:
    """Two digits are enough for a share; unlike coverage it may be rounded up."""
    assert figures.percent(part) == text


@pytest.mark.parametrize(
    ("u_rel", "text"),
    [(0.05, "74.5 J ± 5 %"), (None, "74.5 J"), (math.nan, "74.5 J")],
    ids=["known", "unknown", "no-number"],
)
def test_uncertain(u_rel: float | None, text: str) -> None:
    """An uncertainty is added where it is known."""
    assert figures.uncertain("74.5 J", u_rel) == text


def test_unknown_has_no_uncertainty() -> None:
    """Nothing is added to what is unknown."""
    assert figures.uncertain(figures.UNKNOWN, 0.05) == figures.UNKNOWN


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(8 * 2**30, "8.0 GiB"), (150_754_820_096, "140 GiB"), (200 * 2**20, "0.20 GiB")],
)
def test_memory(size_bytes: int, text: str) -> None:
    """Memory is in GiB, as in the sweep file."""
    assert figures.memory(size_bytes) == text


@pytest.mark.parametrize(
    ("lo_j", "hi_j", "text"),
    [
        (None, None, ""),
        (1.0, None, "at least 1.00 J"),
        (None, 2.0, "at most 2.00 J"),
        (1.0, 2.0, "between 1.00 J and 2.00 J"),
    ],
    ids=["none", "least", "most", "both"],
)
def test_bounds(lo_j: float | None, hi_j: float | None, text: str) -> None:
    """What is known of the least and the most."""
    assert figures.bounds(lo_j, hi_j) == text
