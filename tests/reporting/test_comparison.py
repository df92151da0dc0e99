"""What ``sweeper compare FILE`` prints and writes: the same figures in both."""

from __future__ import annotations

from rich.console import Console

from sweeper.model import Direction, Metric
from sweeper.model.races import Race, Ratio, Spread, Standing
from sweeper.reporting.comparison import race_json, race_page

GRID = Standing(
    "grid", 40, Spread(800.0, 800.0, 800.0), Ratio(1.0, 1.0, 1.0), None, 40, None, 0.9, 81, 0
)
SHUFFLED = Standing(
    "grid, shuffled",
    40,
    Spread(200.0, 400.0, 600.0),
    Ratio(0.5, 0.4, 0.6),
    None,
    39,
    None,
    0.9,
    41,
    0,
)
BAYES = Standing(
    "bayes",
    40,
    Spread(80.0, 160.0, 240.0),
    Ratio(0.2, 0.15, 0.25),
    Ratio(0.45, 0.3, 0.6),
    38,
    0.0004,
    0.91,
    20,
    7.5,
)
RACE = Race(
    "digits",
    Metric("val_accuracy", Direction.MAXIMIZE),
    81,
    40,
    True,
    0.9,
    (GRID, SHUFFLED, BAYES),
    0,
    0.0,
    ("a note",),
)


def text_of(race: Race) -> str:
    """Print a race on a wide terminal."""
    console = Console(width=160, record=True)
    console.print(race_page(race))
    return console.export_text()


def test_the_documented_json() -> None:
    """The keys that programs rely on, with the figures of the standings."""
    document = race_json(RACE)
    assert document["trained"] == 0
    assert document["spent_j"] == 0.0
    grid, _, bayes = document["methods"]
    assert bayes["method"] == "bayes"
    assert bayes["energy_to_target_j"] == {"median": 160.0, "q25": 80.0, "q75": 240.0}
    assert (bayes["success"], bayes["reached"], bayes["repetitions"]) == (0.95, 38, 40)
    assert bayes["p_against_shuffled_grid"] == 0.0004
    assert grid["p_against_shuffled_grid"] is None
    assert document["ratios"] == {
        "grid, shuffled/grid": {"median": 0.5, "low": 0.4, "high": 0.6},
        "bayes/grid": {"median": 0.2, "low": 0.15, "high": 0.25},
        "bayes/grid, shuffled": {"median": 0.45, "low": 0.3, "high": 0.6},
    }


def test_the_terminal_says_the_same() -> None:
    """Medians, quartiles, successes, ratios with intervals, and p."""
    text = text_of(RACE)
    assert "maximize val_accuracy, 40 repetitions on recorded results" in text
    assert "grid of 81 points" in text
    assert "nothing trained, 0 J" in text
    (row,) = (line for line in text.splitlines() if line.startswith("bayes") and "160 J" in line)
    assert " ".join(row.split()) == "bayes 160 J 80.0 J to 240 J 38/40 20.0 7.50 0.91"
    (row,) = (line for line in text.splitlines() if line.startswith("bayes") and "0.2 " in line)
    assert "0.2 (0.15 to 0.25)" in row
    assert "0.45 (0.3 to 0.6)" in row
    assert row.endswith("0.0004")
    assert "a note" in text


def test_what_was_trained_is_told() -> None:
    """A comparison that trains says how often and what that consumed."""
    paid = Race("digits", RACE.metric, 81, 5, False, 0.9, RACE.standings, 405, 12_345.0, ())
    assert "405 trainings now, 12.3 kJ" in text_of(paid)
    again = Race("digits", RACE.metric, 81, 5, False, 0.9, RACE.standings, 0, 0.0, ())
    assert "nothing trained now" in text_of(again)
