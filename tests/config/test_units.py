from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.config import units

POSITIVE = st.floats(min_value=1e-9, max_value=1e9)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (90, 90.0),
        (0.5, 0.5),
        ("90 s", 90.0),
        ("90s", 90.0),
        ("30m", 1800.0),
        ("30 min", 1800.0),
        ("2h", 7200.0),
        ("1.5 hours", 5400.0),
        ("1h30m", 5400.0),
        ("1 h 30 min", 5400.0),
        ("1d", 86400.0),
        (".5 s", 0.5),
    ],
    ids=str,
)
def test_a_duration_is_seconds(written: object, seconds: float) -> None:
    """Durations are numbers of seconds or numbers with units, which may be chained."""
    assert units.duration_s(written) == seconds


@pytest.mark.parametrize(
    ("read", "written", "expected"),
    [
        (units.energy_j, "500 J", 500.0),
        (units.energy_j, "3 kJ", 3000.0),
        (units.energy_j, "2MJ", 2e6),
        (units.energy_j, "50 Wh", 180_000.0),
        (units.energy_j, "0.5 kWh", 1.8e6),
        (units.energy_j, "1 MWh", 3.6e9),
        (units.energy_j, "1e3 J", 1000.0),
        (units.mass_g, "200 g", 200.0),
        (units.mass_g, "1.5 kg", 1500.0),
        (units.mass_g, "1 t", 1e6),
        (units.intensity_g_per_kwh, 369, 369.0),
        (units.intensity_g_per_kwh, "369 g/kWh", 369.0),
        (units.intensity_g_per_kwh, "369 gCO2e/kWh", 369.0),
        (units.intensity_g_per_kwh, "0.5 kg/kWh", 500.0),
        (units.size_bytes, 4096, 4096),
        (units.size_bytes, "4 GiB", 4 * 2**30),
        (units.size_bytes, "512 MB", 512_000_000),
        (units.size_bytes, "1.5 KiB", 1536),
        (units.size_bytes, "100 B", 100),
        (units.size_bytes, 2**60 + 1, 2**60 + 1),
    ],
    ids=lambda one: getattr(one, "__name__", str(one)),
)
def test_a_quantity_is_converted(
    read: Callable[[object], float], written: object, expected: float
) -> None:
    """Each unit is converted into the one that the field name carries."""
    assert read(written) == expected


@pytest.mark.parametrize(
    ("read", "written", "message"),
    [
        (units.duration_s, "90", 'must be a duration such as "90 s", 30m or 1h30m, got "90"; '
         "units: s, min, h, d"),
        (units.duration_s, "soon", 'must be a duration such as "90 s", 30m or 1h30m, got "soon"; '
         "units: s, min, h, d"),
        (units.duration_s, True, 'must be a duration such as "90 s", 30m or 1h30m, got true'),
        (units.duration_s, "5 y", 'unit "y" is not one of: s, min, h, d'),
        (units.duration_s, 0, "must be finite and more than 0, got 0"),
        (units.duration_s, float("nan"), "must be finite and more than 0, got nan"),
        (units.duration_s, 10**400, "must be finite and more than 0, got 1" + 76 * "0" + "..."),
        (units.energy_j, 5, "needs a unit, got 5; units: J, kJ, MJ, Wh, kWh, MWh"),
        (units.energy_j, "5", 'needs a unit, got "5"; units: J, kJ, MJ, Wh, kWh, MWh'),
        (units.energy_j, "5 kwh", 'unit "kwh" is not one of: J, kJ, MJ, Wh, kWh, MWh; did you '
         "mean kWh?"),
        (units.energy_j, "-5 J", 'must be finite and more than 0, got "-5 J"'),
        (units.energy_j, "1e999 J", 'must be finite and more than 0, got "1e999 J"'),
        (units.energy_j, None, "must be an energy such as 0.5 kWh, got nothing; units: J, kJ, MJ, "
         "Wh, kWh, MWh"),
        (units.mass_g, "1 lb", 'unit "lb" is not one of: g, kg, t'),
        (units.mass_g, True, "must be a mass such as 200 g, got true; units: g, kg, t"),
        (units.intensity_g_per_kwh, 0, "must be finite and more than 0, got 0"),
        (units.size_bytes, 1.5, "needs a unit, got 1.5; units: B, kB, MB, GB, TB, KiB, MiB, GiB, "
         "TiB"),
        (units.size_bytes, "4 gib", 'unit "gib" is not one of: B, kB, MB, GB, TB, KiB, MiB, GiB, '
         "TiB; did you mean GiB?"),
        (units.size_bytes, 0, "must be finite and more than 0, got 0"),
        (units.energy_j, "1" * 70 + " J", "must be an energy such as 0.5 kWh, got \"" + "1" * 70
         + ' J"; units: J, kJ, MJ, Wh, kWh, MWh'),
    ],
)  # fmt: skip
def test_a_wrong_quantity_says_what_is_allowed(
    read: Callable[[object], float], written: object, message: str
) -> None:
    """The message names what was given and the units that there are."""
    with pytest.raises(ValueError, match=r".") as caught:
        read(written)
    assert str(caught.value) == message


@given(POSITIVE)
def test_normalised_quantities_read_back_exactly(quantity: float) -> None:
    """What the base unit writes, the parser reads without loss."""
    assert units.energy_j(f"{quantity!r} J") == quantity
    assert units.mass_g(f"{quantity!r} g") == quantity
    assert units.duration_s(quantity) == quantity
    assert units.intensity_g_per_kwh(f"{quantity!r} g/kWh") == quantity


@given(st.integers(1, 10_000), st.integers(0, 59), st.integers(0, 59))
def test_chained_durations_add_up(hours: int, minutes: int, seconds: int) -> None:
    """A chain is the sum of its parts."""
    total = 3600 * hours + 60 * minutes + seconds
    assert units.duration_s(f"{hours}h{minutes}m{seconds}s") == total
    assert units.duration_s(f"{hours} h {minutes} min {seconds} s") == total


@given(st.integers(1, 2**40))
def test_whole_bytes_stay_whole(size: int) -> None:
    """Sizes are whole bytes, with and without a unit."""
    assert units.size_bytes(size) == units.size_bytes(f"{size} B") == size


@given(st.text(max_size=100) | st.floats() | st.integers() | st.booleans() | st.none())
def test_any_value_is_read_or_refused(value: object) -> None:
    """No value makes a parser raise anything but ``ValueError``; what it returns is positive."""
    for read in (
        units.duration_s,
        units.energy_j,
        units.mass_g,
        units.intensity_g_per_kwh,
        units.size_bytes,
    ):
        try:
            quantity = read(value)
        except ValueError:
            continue
        assert quantity > 0
