"""The grid section: how levels are written, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeper.config.load import restore
from sweeper.errors import ConfigError
from tests.config.sweeps import MINIMAL, load_text


@pytest.mark.parametrize(
    ("written", "levels"),
    [
        ("5", 5),
        ("{lr: 4}", {"lr": 4}),
        ("{lr: [0.1, 0.2]}", {"lr": (0.1, 0.2)}),
    ],
)
def test_levels_are_read_and_restored(tmp_path: Path, written: str, levels: object) -> None:
    """Levels are numbers or lists, and survive the way through the store."""
    config = load_text(tmp_path, MINIMAL + f"grid: {{levels: {written}}}").config
    assert config.grid is not None
    assert config.grid.levels == levels
    assert restore(config.resolved_json()) == config


def test_the_grid_decides_no_result(tmp_path: Path) -> None:
    """A sweep whose grid is stated later is the same sweep."""
    plain = load_text(tmp_path, MINIMAL).config
    assert (
        plain.decisions() == load_text(tmp_path, MINIMAL + "grid: {levels: 2}").config.decisions()
    )


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("{}", "grid.levels: is required"),
        ("{levels: 0}", "grid.levels: must be a whole number >= 1 or one for each parameter"),
        ("{levels: {lr: 2.5}}", "grid.levels.lr: must be a whole number >= 1 or a list of values"),
        ("{levels: {lr: []}}", "grid.levels.lr: must have a value, got an empty list"),
        ("{levels: {ler: 3}}", 'there is no parameter "ler"; did you mean lr?'),
        ("{level: 3}", "grid.level: is not a key of grid; did you mean levels?"),
    ],
)
def test_wrong_levels_are_refused(tmp_path: Path, written: str, complaint: str) -> None:
    """What is no level is refused with the place, the rule and the cure."""
    with pytest.raises(ConfigError) as refused:
        load_text(tmp_path, MINIMAL + f"grid: {written}")
    assert complaint in str(refused.value)
