"""Sweep files as people write them for W&B.

Written after the kinds that stand in public repositories: what W&B runs loads, what it refuses or
what has no plain reading is refused with a line and a reason.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeper.config.load import LoadedSweep, load, restore
from sweeper.config.parameters import parameter_paths, ranges
from sweeper.errors import ConfigError
from sweeper.model import Categorical, Constant, IntUniform, LogUniform, Uniform

FOLDER = Path(__file__).parent / "wandb_files"
FILES = sorted(FOLDER.glob("*.yaml"))
REFUSED = FOLDER / "refused"

# The beginning of every warning, by file; a file that is not here gives none.
WARNINGS = {
    "actor_critic": (
        "15: parameters.learning_rate: is in [1.01e-05, 0.00303]",
        "16: parameters.ent_coef: is in [1.52e-08, 0.135]",
    ),
    "booleans": (
        "8: parameters.use_ema.values[0]: yes is read as true",
        "8: parameters.use_ema.values[1]: no is read as false",
    ),
    "controller_local": ("1: apiVersion: and kind, controller, entity and project are W&B keys",),
    "every_law": (
        "9: parameters.d: is in [0.000123, 0.135], for inv_log_uniform takes exponents of e",
        "11: parameters.f: is in [1, 148], for q_log_uniform takes exponents of e",
    ),
    "hydra_overrides": ("9: parameters.datamodule.batch_size: is passed on as one name",),
    "hyperband_both_forms": ("7: early_terminate.min_iter: is ignored",),
    "log_uniform_plain_values": (
        "6: parameters.lr: is in [1, 1.11], for log_uniform takes exponents of e; if 1e-05 to 0.1 "
        "is meant, write distribution: log_uniform_values",
        "7: parameters.batch: is in [2.72, 148], for q_log_uniform takes exponents of e; if 1 to 5 "
        "is meant, write distribution: q_log_uniform_values",
    ),
    "mixed_bounds": (
        "5: parameters.dropout: mixes a whole number and a fraction",
        "6: parameters.layers.min: 1.0 is read as 1",
    ),
    "transformer_finetuning": ("5: project: and entity are W&B keys",),
}


# The beginning of a line that refuses each file.
REASONS = [
    ("bare_mapping", '6: parameters.config: has neither value, values, nor min and max; a '
     'mapping as a value is written {value: {"num_epochs": 10}}'),
    ("bare_value", "6: parameters.epochs: must be a mapping, got 10; write {value: 10}"),
    ("command_as_text", "2: command: must be a list"),
    ("continuous_grid", "6: parameters.lr: is continuous, which a grid cannot count"),
    ("description_of_a_parameter", "6: parameters.lr.desc: is not a key of distribution"),
    ("given_twice", "7: parameters.lr: is given twice, first in line 5"),
    ("goal_maximum", '5: metric.goal: must be minimize or maximize, got "maximum"'),
    ("huge_exponents", "5: parameters.batch_size.max: is an exponent of e"),
    ("hyperband_without_bands", "4: early_terminate: hyperband needs min_iter"),
    ("invented_distribution", '6: parameters.lr.distribution: "loguniform" is no distribution; '
     "did you mean log_uniform_values?"),
    ("launch_job", "1: job: W&B Launch starts it"),
    ("method_below_metric", "5: metric.method: stands one level too deep"),
    ("name_with_a_space", "5: parameters.learning rate: is no parameter name"),
    ("not_nested_enough", "5: parameters.optimizer: has neither value, values, nor min and "
     "max; a group of parameters is written {parameters: {...}}"),
    ("other_stopping_rule", "5: early_terminate.type: must be hyperband"),
    ("probabilities_of_categorical", "8: parameters.size.probabilities: needs distribution: "
     "categorical_w_probabilities"),
    ("quoted_numbers", '7: parameters.lr.min: must be a number, got "1e-5"; write it without '
     "quotes"),
    ("swapped_bounds", "5: parameters.dropout.min: must be smaller than max"),
    ("unknown_macro", '10: command[3]: "${arguments}" is no macro'),
    ("values_not_a_list", "7: parameters.batch_size.values: must be a list, got 256; write "
     "values: [256]"),
]  # fmt: skip


def loaded(file: Path) -> LoadedSweep:
    """Load a file without anybody's defaults."""
    return load(file, env={})


def without_name(line: str, file: Path) -> str:
    """Return a message without the file that it begins with."""
    return line.removeprefix(f"{file}:")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_wandb_runs_loads(file: Path) -> None:
    """Each file loads with the expected warnings only, and is read back from its record."""
    sweep = loaded(file)
    expected = WARNINGS.get(file.stem, ())
    said = [without_name(warning, file) for warning in sweep.warnings]
    assert len(said) == len(expected)
    assert all(line.startswith(start) for line, start in zip(said, expected, strict=True)), said
    assert restore(sweep.resolved_json()) == sweep.config


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_parameter_has_a_range_in_words(file: Path) -> None:
    """What ``check`` prints names each parameter once, on one line."""
    space = loaded(file).config.space
    lines = dict(ranges(space))
    assert lines.keys() <= set(parameter_paths(space))
    assert len(lines) == len(ranges(space)) > 0
    assert all(text and text.isprintable() for text in lines.values())


def test_there_are_files_of_many_kinds() -> None:
    """All three methods, and some thirty files, one of them with the line ends of Windows."""
    assert len(FILES) >= 30
    methods = {loaded(file).config.method.value for file in FILES}
    assert methods == {"grid", "random", "bayes"}
    assert b"\r\n" in (FOLDER / "crlf.yaml").read_bytes()
    assert WARNINGS.keys() <= {file.stem for file in FILES}


def test_tags_make_the_types_that_they_name() -> None:
    """``!!float``, ``!!int``, ``!!str`` and ``!!bool`` are read as YAML 1.1 has them."""
    assert repr(loaded(FOLDER / "float_tags.yaml").config.space) == repr(
        {
            "debug": Constant(False),
            "depth": IntUniform(2, 6),
            "lr": LogUniform(1e-5, 0.1),
            "scale": Uniform(0.0, 1.0),
            "version": Constant("3"),
        }
    )


def test_scientific_notation_is_a_number() -> None:
    """1e-2 without a dot is a number, which PyYAML alone takes for text."""
    space = loaded(FOLDER / "plain_exponents.yaml").config.space
    assert repr(space) == repr(
        {
            "lr": Categorical((0.01, 0.001, 0.0005, 0.00001)),
            "samples": Categorical((10000.0, 12000.0)),
        }
    )


@pytest.mark.parametrize(("name", "line"), REASONS, ids=[name for name, _ in REASONS])
def test_what_has_no_plain_reading_is_refused(name: str, line: str) -> None:
    """Each file is refused at the line that is to be mended, with the reason."""
    file = REFUSED / f"{name}.yaml"
    with pytest.raises(ConfigError) as caught:
        loaded(file)
    said = [without_name(problem, file) for problem in caught.value.problems]
    assert any(problem.startswith(line) for problem in said), said


def test_every_refused_file_is_tested() -> None:
    """No file lies in the folder without a reason above."""
    assert [name for name, _ in REASONS] == sorted(file.stem for file in REFUSED.iterdir())
