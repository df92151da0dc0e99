from __future__ import annotations

from pathlib import Path

import pytest

from sweeper.config.distributions import FORMS
from sweeper.config.parameters import (
    parameter_paths,
    ranges,
    read_space,
    uncountable,
)
from sweeper.expression import Expression
from sweeper.model import (
    Beta,
    Categorical,
    Conditional,
    Constant,
    IntUniform,
    LogNormal,
    LogUniform,
    Nested,
    Normal,
    Parameter,
    Quantized,
    Uniform,
)
from tests.config.sweeps import errors_of


def test_a_grid_refuses_what_it_cannot_count(tmp_path: Path) -> None:
    """A grid over real numbers, weights or other quantised laws is an error that names each."""
    text = """\
objective: train.py:train
method: grid
metric: {name: loss}
parameters:
  a: {min: 0.0, max: 1.0}
  b: {min: 0, max: 3}
  c:
    parameters:
      d: {distribution: log_uniform_values, min: 0.1, max: 1}
      e: {distribution: q_uniform, min: 0, max: 1, q: 0.5}
  f: {values: [1, 2], probabilities: [0.5, 0.5], when: b > 1}
  g: {distribution: q_normal}
"""
    mend = "list values, use distribution: q_uniform, or method: random or bayes"
    real = f"is continuous, which a grid cannot count; {mend}"
    assert errors_of(tmp_path, text) == [
        f"sweep.yaml:5: parameters.a: {real}",
        f"sweep.yaml:9: parameters.c.parameters.d: {real}",
        "sweep.yaml:11: parameters.f: has probabilities, which a grid cannot follow; drop them, or "
        "method: random or bayes",
        f"sweep.yaml:12: parameters.g: is not counted by a grid; {mend}",
    ]


@pytest.mark.parametrize("name", FORMS)
def test_a_grid_counts_what_wandb_s_grid_counts(name: str) -> None:
    """Constant, categorical, int_uniform and q_uniform are counted, at any depth."""
    keys = {"value": 1, "values": [1], "probabilities": [1.0], "min": 1, "max": 2}
    raw = {"distribution": name, **{key: keys[key] for key in FORMS[name].required}}
    space = read_space({"g": {"parameters": {"p": raw}}}, lambda path, what: None)
    counted = name in ("constant", "categorical", "int_uniform", "q_uniform")
    assert [place for place, _ in uncountable(space)] == (
        [] if counted else [("g", "parameters", "p")]
    )


def test_paths_are_those_of_parameters_and_groups() -> None:
    """Every parameter and every group has a dotted path; they come sorted."""
    space: dict[str, Parameter] = {
        "b": Conditional(Expression("a == 1"), Nested({"d": Nested({"e": Constant(1)})})),
        "a": Constant(1),
    }
    assert parameter_paths(space) == ("a", "b", "b.d", "b.d.e")
    assert parameter_paths({}) == ()


@pytest.mark.parametrize(
    ("parameter", "text"),
    [
        (Constant({"a": None}), 'always {"a": null}'),
        (Categorical((32, 64, 128)), "one of 32, 64, 128"),
        (Categorical(("a", None, True)), 'one of "a", null, true'),
        (Categorical(tuple(range(30))), "one of 0, 1, 2, 3, 4, 5, 6, 7 ... 29 (30 values)"),
        (Categorical(("x" * 99,)), f'one of "{"x" * 36}...'),
        (Categorical(("a", "b"), (0.25, 0.75)), 'one of "a" (0.25), "b" (0.75)'),
        (IntUniform(-1, 4), "whole number in [-1, 4]"),
        (Uniform(0.0, 0.95), "real number in [0, 0.95]"),
        (LogUniform(1e-4, 0.1), "real number in [0.0001, 0.1], log scale"),
        (Normal(0.0, 1.0), "normal, mean 0, deviation 1"),
        (LogNormal(-7.0, 0.5), "log-normal, of the logarithm mean -7, deviation 0.5"),
        (Beta(2.0, 0.5), "real number in [0, 1], beta, a 2, b 0.5"),
        (Quantized(Uniform(0.0, 64.0), 8), "multiple of 8 in [0, 64]"),
        (Quantized(LogUniform(1.0, 250.0), 8), "multiple of 8 in [0, 248], log scale"),
        (Quantized(Normal(0.0, 1.0), 0.5), "multiple of 0.5, normal, mean 0, deviation 1"),
        (Quantized(Beta(1.0, 2.0), 0.1), "multiple of 0.1 in [0, 1], beta, a 1, b 2"),
    ],
)  # fmt: skip
def test_ranges_are_said_in_words(parameter: Parameter, text: str) -> None:
    """What a parameter can be is one readable line."""
    assert ranges({"p": parameter}) == (("p", text),)


def test_ranges_say_when_a_parameter_is_there() -> None:
    """Conditions of a parameter and of the groups around it are part of the line."""
    lr = Conditional(Expression("k > 2 or n == 1"), Uniform(0.0, 1.0))
    space: dict[str, Parameter] = {
        "g": Conditional(Expression("k > 1"), Nested({"lr": lr, "n": Constant(1)})),
        "k": IntUniform(1, 3),
    }
    assert ranges(space) == (
        ("g.lr", "real number in [0, 1] when (k > 1) and (k > 2 or n == 1)"),
        ("g.n", "always 1 when k > 1"),
        ("k", "whole number in [1, 3]"),
    )
