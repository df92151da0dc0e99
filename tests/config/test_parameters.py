from __future__ import annotations

import math
from pathlib import Path

import pytest

from sweeper.model import (
    Beta,
    Categorical,
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
from tests.config.spaces import read
from tests.config.sweeps import HEAD, errors_of, load_text, warnings_of


def with_parameter(text: str) -> str:
    """Return a sweep file whose one parameter ``p`` stands in line 5."""
    return f"{HEAD}parameters:\n  p: {text}\n"


@pytest.mark.parametrize(
    ("text", "parameter"),
    [
        ("{value: 3}", Constant(3)),
        ("{value: null}", Constant(None)),
        ("{value: [1, {a: b}]}", Constant([1, {"a": "b"}])),
        ("{distribution: constant, value: x}", Constant("x")),
        ("{values: [1, 2]}", Categorical((1, 2))),
        ("{values: [null, true, [1], {a: 1}]}", Categorical((None, True, [1], {"a": 1}))),
        ("{values: [b, a, b, a]}", Categorical(("b", "a"))),
        ("{values: [{a: 1, b: 2}, {b: 2, a: 1}]}", Categorical(({"a": 1, "b": 2},))),
        ("{distribution: categorical, values: [x]}", Categorical(("x",))),
        ("{values: [a, b], probabilities: [0.25, 0.75]}", Categorical(("a", "b"), (0.25, 0.75))),
        ("{distribution: categorical_w_probabilities, values: [a, b], probabilities: [0, 1]}",
         Categorical(("b",), (1.0,))),
        ("{values: [a, b, a], probabilities: [0.25, 0.5, 0.25]}",
         Categorical(("a", "b"), (0.5, 0.5))),
        ("{values: [1, 2, 3], probabilities: [0.333333, 0.333333, 0.333334]}",
         Categorical((1, 2, 3), (0.333333, 0.333333, 0.333334))),
        ("{values: [1, 2, 3], probabilities: [0.3333333, 0.3333333, 0.3333333]}",
         Categorical((1, 2, 3), (0.3333333, 0.3333333, 0.3333333))),
        ("{min: 1, max: 4}", IntUniform(1, 4)),
        ("{distribution: int_uniform, min: -1, max: 0}", IntUniform(-1, 0)),
        ("{min: 0.5, max: 4.0}", Uniform(0.5, 4.0)),
        ("{min: 1e-4, max: 1e-1}", Uniform(1e-4, 0.1)),
        ("{distribution: uniform, min: 0, max: 1}", Uniform(0.0, 1.0)),
        ("{distribution: q_uniform, min: 0, max: 1}", Quantized(Uniform(0.0, 1.0), 1.0)),
        ("{distribution: q_uniform, min: 0, max: 64, q: 8}", Quantized(Uniform(0.0, 64.0), 8)),
        ("{distribution: q_uniform, min: 0, max: 1, q: 0.1}", Quantized(Uniform(0.0, 1.0), 0.1)),
        ("{distribution: log_uniform_values, min: 1e-5, max: 1}", LogUniform(1e-5, 1.0)),
        ("{distribution: q_log_uniform_values, min: 1, max: 64}",
         Quantized(LogUniform(1.0, 64.0), 1.0)),
        ("{distribution: q_log_uniform_values, min: 1, max: 64, q: 8}",
         Quantized(LogUniform(1.0, 64.0), 8)),
        ("{distribution: inv_log_uniform_values, min: 0.01, max: 1}", LogUniform(0.01, 1.0)),
        ("{distribution: normal}", Normal(0.0, 1.0)),
        ("{distribution: normal, mu: -3, sigma: 2}", Normal(-3.0, 2.0)),
        ("{distribution: q_normal}", Quantized(Normal(0.0, 1.0), 1.0)),
        ("{distribution: q_normal, mu: 64, sigma: 16, q: 8}", Quantized(Normal(64.0, 16.0), 8)),
        ("{distribution: log_normal}", LogNormal(0.0, 1.0)),
        ("{distribution: log_normal, mu: -7, sigma: 0.5}", LogNormal(-7.0, 0.5)),
        ("{distribution: q_log_normal, q: 0.5}", Quantized(LogNormal(0.0, 1.0), 0.5)),
        ("{distribution: beta}", Beta(1.0, 1.0)),
        ("{distribution: beta, a: 2, b: 0.5}", Beta(2.0, 0.5)),
        ("{distribution: q_beta}", Quantized(Beta(1.0, 1.0), 1.0)),
        ("{distribution: q_beta, a: 2, b: 5, q: 0.05}", Quantized(Beta(2.0, 5.0), 0.05)),
        ("{parameters: {b: {value: 1}, a: {parameters: {c: {min: 1, max: 2}}}}}",
         Nested({"a": Nested({"c": IntUniform(1, 2)}), "b": Constant(1)})),
    ],
)  # fmt: skip
def test_forms_become_parameters(tmp_path: Path, text: str, parameter: Parameter) -> None:
    """Each form becomes its parameter, without a warning."""
    loaded = load_text(tmp_path, with_parameter(text))
    assert loaded.config.space == {"p": parameter}
    assert repr(loaded.config.space["p"]) == repr(parameter)  # tells 1, 1.0 and true apart
    assert loaded.warnings == ()


def test_equal_values_of_different_types_stay_apart(tmp_path: Path) -> None:
    """1, 1.0, true and "1" are four values; a second 1 is none."""
    space = load_text(tmp_path, with_parameter("{values: [1, 1.0, true, 1, '1']}")).config.space
    assert repr(space["p"]) == "Categorical(values=(1, 1.0, True, '1'), weights=None)"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("0.1", "p: must be a mapping, got 0.1; write {value: 0.1}"),
        ("adam", 'p: must be a mapping, got "adam"; write {value: "adam"}'),
        ("[1, 2]", "p: must be a mapping, got a list; write {values: [1, 2]}"),
        ("", "p: is empty; write {value: ...}, {values: [...]} or {min: ..., max: ...}"),
        ("{value: 1, values: [2]}", "p: mixes value and values; keep one form: value, values, or "
         "min and max"),
        ("{value: 1, min: 2, max: 3}", "p: mixes value, min and max; keep one form: value, values, "
         "or min and max"),
        ("{min: 1}", "p: int_uniform needs min and max; max is missing"),
        ("{max: 1.0}", "p: uniform needs min and max; min is missing"),
        ("{distribution: constant}", "p: constant needs value; value is missing"),
        ("{min: 0.1, max: 0.01}", "p.min: must be smaller than max, got min=0.1 max=0.01; swap "
         "them"),
        ("{min: 3, max: 3}", "p.min: must be smaller than max, got min=3 max=3; a fixed number is "
         "{value: 3}"),
        ("{min: '1', max: 2}", 'p.min: must be a number, got "1"; write it without quotes'),
        ("{min: '1e-4', max: 1.0}", 'p.min: must be a number, got "1e-4"; write it without quotes'),
        ("{distribution: int_uniform, min: '1', max: 2}", 'p.min: must be a whole number, got "1"; '
         "write it without quotes"),
        ("{min: low, max: 2}", 'p.min: must be a number, got "low"'),
        ("{min: false, max: 2.0}", "p.min: must be a number, got false"),
        ("{min: 0.0, max: .inf}", "p.max: must be finite, got inf"),
        ("{min: .nan, max: 1.0}", "p.min: must be finite, got nan"),
        ("{min: 0, max: 10000000000000000}", "p.max: must be within 2**53, got 10000000000000000"),
        ("{distribution: int_uniform, min: 1, max: 2.5}", "p.max: must be a whole number, got 2.5; "
         "use distribution: uniform"),
        ("{distribution: int_uniform, min: 1, max: true}", "p.max: must be a whole number, got "
         "true"),
        ("{distribution: log_uniform_values, min: 0, max: 1}", "p.min: must be more than 0 for a "
         "logarithmic scale, got 0"),
        ("{distribution: inv_log_uniform_values, min: -1, max: 1}", "p.min: must be more than 0 "
         "for a logarithmic scale, got -1"),
        ("{distribution: q_uniform, min: 0, max: 1, q: 0}", "p.q: must be a number more than 0, "
         "got 0"),
        ("{distribution: q_normal, q: -1}", "p.q: must be a number more than 0, got -1"),
        ("{distribution: q_uniform, min: 0, max: 1, q: true}", "p.q: must be a number more than 0, "
         "got true"),
        ("{distribution: q_uniform, min: 0, max: 1, q: '0.1'}", "p.q: must be a number more than "
         '0, got "0.1"; write it without quotes'),
        ("{distribution: q_uniform, min: 0, max: 1, q: 1e-320}", "p.q: is too small for values of "
         "up to 1, got 1e-320"),
        ("{min: 0, max: 1, q: 2}", "p.q: needs distribution: q_uniform"),
        ("{distribution: uniform, min: 0, max: 1, q: 2}", "p.q: needs distribution: q_uniform"),
        ("{values: 256}", "p.values: must be a list, got 256; write values: [256]"),
        ("{values: []}", "p.values: must not be empty"),
        ("{values: [1, .inf]}", "p.values[1]: must be finite, got inf; quote it if it is text"),
        ("{value: {a: [1.0, .nan]}}", "p.value.a[1]: must be finite, got nan; quote it if it is "
         "text"),
        ("{value: 1, desc: x}", "p.desc: is not a key of distribution constant, which has: value"),
        ("{distribution: uniform, min: 0, mx: 1, max: 1}", "p.mx: is not a key of distribution "
         "uniform; did you mean max?"),
        ("{num_epochs: 10}", "p: has neither value, values, nor min and max; a mapping as a value "
         'is written {value: {"num_epochs": 10}}'),
        ("{lr: {min: 0, max: 1}}", "p: has neither value, values, nor min and max; a group of "
         "parameters is written {parameters: {...}}"),
        ("{vals: [1, 2]}", "p: has neither value, values, nor min and max; for vals, did you mean "
         "values?"),
        ("{mu: 0, sigma: 1}", "p: has neither value, values, nor min and max; name the "
         "distribution, such as distribution: normal"),
        ("{a: 1, b: 1}", "p: has neither value, values, nor min and max; name the distribution, "
         "such as distribution: beta"),
        ("{distribution: normal, sigma: 0}", "p.sigma: must be a number more than 0, got 0"),
        ("{distribution: log_normal, mu: x, sigma: 2}", 'p.mu: must be a number, got "x"'),
        ("{distribution: normal, mean: 0}", "p.mean: is not a key of distribution normal, which "
         "has: mu, sigma"),
        ("{distribution: normal, sigma: 8e307}", "p.sigma: reaches beyond what a number can be, "
         "got 8e+307"),
        ("{distribution: log_normal, mu: 800}", "p.mu: reaches e to the 808, more than a number "
         "can be; mu and sigma are of the logarithm"),
        ("{distribution: log_normal, sigma: 100}", "p.sigma: reaches e to the 800, more than a "
         "number can be; mu and sigma are of the logarithm"),
        ("{distribution: beta, a: 0}", "p.a: must be a number more than 0, got 0"),
        ("{distribution: q_beta, b: 0, q: 0.1}", "p.b: must be a number more than 0, got 0"),
        ("{distribution: log_uniform, min: -5, max: 800}", "p.max: is an exponent of e in "
         "log_uniform, where it must be within 708, got 800; write distribution: "
         "log_uniform_values, which takes the bounds themselves"),
        ("{distribution: inv_log_uniform, min: -5, max: 800}", "p.max: is an exponent of e in "
         "inv_log_uniform, where it must be within 708, got 800; write distribution: "
         "log_uniform_values, which takes the bounds themselves"),
        ("{distribution: q_log_uniform, min: 0, max: 4096, q: 8}", "p.max: is an exponent of e in "
         "q_log_uniform, where it must be within 708, got 4096; write distribution: "
         "q_log_uniform_values, which takes the bounds themselves"),
        ("{distribution: log_uniform, min: 1e-20, max: 2e-20}", "p.min: and max are exponents of e "
         "in log_uniform, and too close to each other"),
        ("{distribution: unifrom, min: 0, max: 1}", 'p.distribution: "unifrom" is no distribution; '
         "did you mean uniform?"),
        ("{distribution: loguniform, min: 1e-4, max: 1}", 'p.distribution: "loguniform" is no '
         "distribution; did you mean log_uniform_values?"),
        ("{distribution: log_unifrom, min: 1e-4, max: 1}", 'p.distribution: "log_unifrom" is no '
         "distribution; did you mean log_uniform_values?"),
        ("{distribution: choice, values: [1]}", 'p.distribution: "choice" is no distribution; did '
         "you mean categorical?"),
        ("{distribution: categorical, values: [1, 2], probabilities: [.5, .5]}",
         "p.probabilities: needs distribution: categorical_w_probabilities"),
        ("{values: [1, 2], probabilities: [.5, .4]}", "p.probabilities: must sum to 1, got 0.9; "
         "divide each by their sum"),
        ("{values: [1, 2], probabilities: [1]}", "p.probabilities: must be one for each of the 2 "
         "values, got 1"),
        ("{values: [1, 2], probabilities: 0.5}", "p.probabilities: must be a list, got 0.5"),
        ("{values: [1, 2], probabilities: [1.5, -0.5]}", "p.probabilities[1]: must be at least 0, "
         "got -0.5"),
        ("{values: [1, 2], probabilities: [.5, '.5']}", "p.probabilities[1]: must be a number, got "
         '".5"; write it without quotes'),
        ("{probabilities: [1]}", "p: has neither value, values, nor min and max; a mapping as a "
         'value is written {value: {"probabilities": [1]}}'),
        ("{parameters: {}}", "p.parameters: must be a mapping of at least one parameter, got an "
         "empty one"),
        ("{parameters: [a]}", "p.parameters: must be a mapping of at least one parameter, got a "
         "list"),
        ("{parameters: {a: {value: 1}}, value: 2}", "p.value: stands beside parameters, which "
         "makes a group; keep one of the two"),
        ("{parameters: {a: {parameters: {b: {values: 3}}}}}", "p.parameters.a.parameters.b.values: "
         "must be a list, got 3; write values: [3]"),
        ("{parameters: {1a: {value: 1}}}", "p.parameters.1a: is no parameter name: letters, "
         "digits, _, . and -, beginning with a letter or _"),
    ],
)  # fmt: skip
def test_wrong_forms_are_mended(tmp_path: Path, text: str, line: str) -> None:
    """Each wrong form is one line that says what was given and how it is written."""
    assert errors_of(tmp_path, with_parameter(text)) == [f"sweep.yaml:5: parameters.{line}"]


@pytest.mark.parametrize("given", ["warp", "[1]", "null"])
def test_unknown_distributions_are_answered_with_all(tmp_path: Path, given: str) -> None:
    """What is like no distribution gets the list of them, without the deprecated ones."""
    (line,) = errors_of(tmp_path, with_parameter(f"{{distribution: {given}, min: 0, max: 1}}"))
    assert "is no distribution; there is constant, categorical, " in line
    assert line.endswith("beta or q_beta")
    assert " log_uniform," not in line


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    """Wrong values on every level, wrong names and wrong conditions show together."""
    text = f"""{HEAD}parameters:
  a:
    when: nowhere > 1
    parameters:
      b: {{distribution: q_normal, sigma: 0, q: 0}}
      c: {{values: 3, when: 1 +}}
  9a: {{min: 2, max: 1}}
"""
    assert [line.partition(": ")[2].partition(": ")[0] for line in errors_of(tmp_path, text)] == [
        "parameters.a.when",
        "parameters.a.parameters.b.q",
        "parameters.a.parameters.b.sigma",
        "parameters.a.parameters.c.values",
        "parameters.a.parameters.c.when",
        "parameters.9a.min",
        "parameters.9a",
    ]


@pytest.mark.parametrize("name", ["_a", "A-c_1", "value", "min", "parameters"])
def test_names_of_wandb_are_names(tmp_path: Path, name: str) -> None:
    """Letters, digits, underscore and hyphen make a name, be it that of a key."""
    loaded = load_text(tmp_path, f"{HEAD}parameters: {{{name}: {{value: 1}}}}")
    assert list(loaded.config.space) == [name]
    assert loaded.warnings == ()


def test_a_dotted_name_stays_one_name(tmp_path: Path) -> None:
    """Dotted names are passed on as they are; that they make no mapping is said once."""
    text = f"{HEAD}parameters:\n  opt.lr: {{value: 1}}\n  opt.wd: {{value: 2}}\n"
    assert load_text(tmp_path, text).config.space == {"opt.lr": Constant(1), "opt.wd": Constant(2)}
    assert warnings_of(tmp_path, text) == [
        "sweep.yaml:5: parameters.opt.lr: is passed on as one name with a dot, as 1 more "
        "are; nest parameters for a mapping"
    ]


def test_a_dotted_name_is_no_nested_path(tmp_path: Path) -> None:
    """A name with a dot that is also the path of a nested parameter is an error."""
    text = f"{HEAD}parameters:\n  a: {{parameters: {{b: {{value: 1}}}}}}\n  a.b: {{value: 2}}\n"
    assert errors_of(tmp_path, text) == [
        "sweep.yaml:6: parameters.a.b: is the path a.b, which another parameter has; rename one of "
        "them"
    ]


@pytest.mark.parametrize("name", ["1a", "a b", "-a", "é", ".a"])
def test_other_names_are_refused(tmp_path: Path, name: str) -> None:
    """A name that no program could take as an option is an error."""
    rule = "is no parameter name: letters, digits, _, . and -, beginning with a letter or _"
    assert errors_of(tmp_path, f"{HEAD}parameters: {{{name}: {{value: 1}}}}") == [
        f"sweep.yaml:4: parameters.{name}: {rule}"
    ]


@pytest.mark.parametrize(
    ("text", "given"),
    [("{}", "an empty one"), ("[1]", "a list"), ("3", "3")],
    ids=["empty", "list", "number"],
)
def test_parameters_are_a_mapping_with_something_in_it(
    tmp_path: Path, text: str, given: str
) -> None:
    """A sweep without parameters is an error."""
    assert errors_of(tmp_path, f"{HEAD}parameters: {text}") == [
        f"sweep.yaml:4: parameters: must be a mapping of at least one parameter, got {given}"
    ]


@pytest.mark.parametrize(
    ("text", "parameter", "warning"),
    [
        ("{min: 1, max: 2.5}", Uniform(1.0, 2.5), "p: mixes a whole number and a fraction, min=1 "
         "max=2.5: read as uniform, giving fractions"),
        ("{distribution: int_uniform, min: 1.0, max: 3}", IntUniform(1, 3), "p.min: 1.0 is read as "
         "1: int_uniform is whole numbers"),
        ("{distribution: log_uniform, min: -5, max: 0}", LogUniform(math.exp(-5), 1.0), "p: is in "
         "[0.00674, 1], for log_uniform takes exponents of e; W&B deprecates it: write "
         "distribution: log_uniform_values, min: 0.006737946999085467, max: 1.0"),
        ("{distribution: log_uniform, min: 1e-5, max: 1e-1}",
         LogUniform(math.exp(1e-5), math.exp(0.1)), "p: is in [1, 1.11], for log_uniform takes "
         "exponents of e; if 1e-05 to 0.1 is meant, write distribution: log_uniform_values; if "
         "not, min: 1.00001000005, max: 1.1051709180756477 with it"),
        ("{distribution: q_log_uniform, min: 0, max: 2, q: 2}",
         Quantized(LogUniform(1.0, math.exp(2)), 2), "p: is in [1, 7.39], for q_log_uniform takes "
         "exponents of e; W&B deprecates it: write distribution: q_log_uniform_values, min: 1.0, "
         "max: 7.38905609893065"),
        ("{distribution: inv_log_uniform, min: -1, max: 2}",
         LogUniform(math.exp(-2), math.exp(1)), "p: is in [0.135, 2.72], for inv_log_uniform takes "
         "exponents of e; W&B deprecates it: write distribution: log_uniform_values, min: "
         "0.1353352832366127, max: 2.718281828459045"),
    ],
)  # fmt: skip
def test_what_has_one_plain_reading_is_a_warning(
    tmp_path: Path, text: str, parameter: Parameter, warning: str
) -> None:
    """A file that W&B would call ambiguous or deprecated is read, and the reading is said."""
    assert load_text(tmp_path, with_parameter(text)).config.space == {"p": parameter}
    assert warnings_of(tmp_path, with_parameter(text)) == [f"sweep.yaml:5: parameters.{warning}"]


def test_the_space_does_not_depend_on_the_order_of_lines() -> None:
    """Names come in alphabetical order, so that moving a line proposes the same points."""
    group = {"parameters": {"d": {"value": 1}, "c": {"value": 2}}}
    space = read({"b": group, "a": {"value": 2}})
    assert list(space) == ["a", "b"]
    assert repr(space["b"]) == repr(Nested({"c": Constant(2), "d": Constant(1)}))
