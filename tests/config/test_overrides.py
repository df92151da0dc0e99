from __future__ import annotations

from pathlib import Path

import pytest

from sweeper.model import Constant, Uniform
from tests.config.sweeps import HEAD, MINIMAL, errors_of, load_text, warnings_of


def test_overrides_change_the_file_in_their_order(tmp_path: Path) -> None:
    """Each override sets one place; the last one wins; YAML decides the type."""
    config = load_text(
        tmp_path,
        MINIMAL + "budget: {time: 1h}\nmax_steps: 9\n",
        "seed=1",
        "seed=2",
        "parameters.lr.max=1e1",
        "parameters.wd={value: 0}",
        "budget.trials=5",
        "trial.seed=3",
        "max_steps=null",
        "cache.url=sqlite:///a=b.db",
        "cache.salt=''",
    ).config
    assert (config.seed, config.max_steps, config.trial.seed) == (2, None, 3)
    assert config.space == {"lr": Uniform(0.1, 10.0), "wd": Constant(0)}
    assert (config.budget.trials, config.budget.time_s) == (5, 3600.0)
    assert (config.cache.url, config.cache.salt) == ("sqlite:///a=b.db", "")


def test_an_override_fills_an_empty_section(tmp_path: Path) -> None:
    """``budget:`` with nothing behind it can be filled."""
    assert load_text(tmp_path, MINIMAL + "budget:\n", "budget.cost=2").config.budget.cost == 2.0


def test_parameter_names_with_dots_are_found(tmp_path: Path) -> None:
    """The longest known name is meant."""
    text = HEAD + "parameters:\n  opt: {value: 1}\n  opt.lr: {min: 0.1, max: 1.0}\n"
    space = load_text(tmp_path, text, "parameters.opt.lr.max=2.0").config.space
    assert space == {"opt": Constant(1), "opt.lr": Uniform(0.1, 2.0)}


@pytest.mark.parametrize("in_file", ["", "run_cap: 7\n", "budget: {trials: 7}\n"])
@pytest.mark.parametrize("override", ["run_cap=8", "budget.trials=8", "budget={trials: 8}"])
def test_run_cap_and_budget_trials_override_each_other(
    tmp_path: Path, in_file: str, override: str
) -> None:
    """The command line wins, whichever of the two names it and the file use."""
    assert load_text(tmp_path, MINIMAL + in_file, override).config.budget.trials == 8


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("x", "an override is written key.path=value"),
        ("=3", "an override is written key.path=value"),
        ("a..b=3", "an override is written key.path=value"),
        ("seed=", "has no value; write seed=null to unset it, seed=\"''\" for empty text"),
        ("seed=# x", "is empty"),
        ("seed=-1", "seed: must be at least 0, got -1"),
        ("seed.x=3", "seed: must be a whole number, got a mapping"),
        ("method.x=3", 'method: is "bayes", not a mapping; override method as a whole'),
        ("parameters.lr.max=0.01", "parameters.lr.min: must be smaller than max, got min=0.1 "
         "max=0.01; swap them"),
        ("parameters.lr.mx=1", "parameters.lr.mx: is not a key of distribution uniform; did you "
         "mean max?"),
        ("parameters.lr.value=1", "parameters.lr: mixes value, min and max; keep one form: value, "
         "values, or min and max"),
        ("parameters.lr=[", "column 2: a value is missing here: `[`"),
        ("parameters.lr={value: 1, value: 2}", "parameters.lr.value: is given twice, first in line "
         "1; keep one"),
        ("budget.trails=5", "budget.trails: is not a key of budget; did you mean trials?"),
        ("budegt.trials=5", "budegt: is not a key of a sweep file; did you mean budget?"),
        ("run_cap=0", "run_cap: must be at least 1, got 0"),
        ("metric={goal: maximize}", "metric.name: is required: the key under which the objective "
         "reports it"),
        ("metric=null", "metric: is required: such as metric: {name: val_loss, goal: minimize}"),
        ("seed=&a [*a]", "an alias (*) stands inside its own anchor (&)"),
        ("early_terminate.type=hyperband", "early_terminate: hyperband needs min_iter, or max_iter "
         "and s; add min_iter: 3"),
    ],
)  # fmt: skip
def test_a_wrong_override_is_named(tmp_path: Path, override: str, line: str) -> None:
    """The error points to the override, not to the file."""
    assert errors_of(tmp_path, MINIMAL, override) == [f"override {override}: {line}"]


def test_errors_of_the_file_come_before_those_of_overrides(tmp_path: Path) -> None:
    """The file's errors by line, then the overrides in their order; replaced errors are gone."""
    text = MINIMAL + "seed: -1\nmax_steps: 0\nbudgt: {}\n"
    assert errors_of(tmp_path, text, "trial.retries=-1", "seed=-2", "max_steps=3") == [
        "sweep.yaml:8: budgt: is not a key of a sweep file; did you mean budget?",
        "override trial.retries=-1: trial.retries: must be a whole number >= 0, or a mapping by "
        "class, got -1",
        "override seed=-2: seed: must be at least 0, got -2",
    ]


def test_an_override_of_a_whole_section_forgets_its_lines(tmp_path: Path) -> None:
    """What a replaced section held in the file is not to blame any more."""
    text = MINIMAL + "budget: {trials: 3}\n"
    assert errors_of(tmp_path, text, "budget={trials: 0}") == [
        "override budget={trials: 0}: budget.trials: must be at least 1, got 0"
    ]


def test_warnings_name_the_override(tmp_path: Path) -> None:
    """Values of overrides are read as those of the file, with the same warnings."""
    assert warnings_of(tmp_path, MINIMAL, "parameters.lr={value: yes}", "cache.mode=off") == [
        "override parameters.lr={value: yes}: parameters.lr.value: yes is read as true, as YAML "
        "1.1 has it; write true, or quote the text"
    ]


def test_an_override_that_no_terminal_shows_is_escaped(tmp_path: Path) -> None:
    """A line break or a stray byte in an override does not break the message."""
    assert errors_of(tmp_path, MINIMAL, "seed=\n-1") == [
        "override seed=\\n-1: seed: must be at least 0, got -1"
    ]
    (line,) = errors_of(tmp_path, MINIMAL, "seed=\udcff")
    assert line.encode() == (
        b"override seed=\\udcff: holds the control character U+DCFF; remove it"
    )
