from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.config.distributions import written_space
from sweeper.config.parameters import read_space
from sweeper.model import (
    Categorical,
    Constant,
    IntUniform,
    LogUniform,
    Parameter,
    Quantized,
    Uniform,
)
from tests.config.sweeps import HEAD, errors_of, load_text, warnings_of

HAS = "it has: constant, categorical, int_uniform, uniform, log_uniform_values, q_uniform"


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
        ("{min: 1, max: 4}", IntUniform(1, 4)),
        ("{distribution: int_uniform, min: -1, max: 0}", IntUniform(-1, 0)),
        ("{min: 0.5, max: 4.0}", Uniform(0.5, 4.0)),
        ("{min: 1e-4, max: 1e-1}", Uniform(1e-4, 0.1)),
        ("{distribution: uniform, min: 0, max: 1}", Uniform(0.0, 1.0)),
        ("{distribution: log_uniform_values, min: 1e-5, max: 1}", LogUniform(1e-5, 1.0)),
        ("{distribution: q_uniform, min: 0, max: 1}", Quantized(0.0, 1.0, 1.0)),
        ("{distribution: q_uniform, min: 0, max: 64, q: 8}", Quantized(0.0, 64.0, 8)),
        ("{distribution: q_uniform, min: 0, max: 1, q: 0.1}", Quantized(0.0, 1.0, 0.1)),
    ],
)
def test_forms_become_parameters(tmp_path: Path, text: str, parameter: Parameter) -> None:
    """Each form becomes its parameter, without a warning."""
    loaded = load_text(tmp_path, with_parameter(text))
    assert loaded.config.space == {"p": parameter}
    assert repr(loaded.config.space["p"]) == repr(parameter)  # tells 1, 1.0 and true apart
    assert loaded.warnings == ()


def test_equal_values_of_different_types_stay_apart(tmp_path: Path) -> None:
    """1, 1.0, true and "1" are four values; a second 1 is none."""
    space = load_text(tmp_path, with_parameter("{values: [1, 1.0, true, 1, '1']}")).config.space
    assert repr(space["p"]) == "Categorical(values=(1, 1.0, True, '1'))"


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
        ("{distribution: q_uniform, min: 0, max: 1, q: 0}", "p.q: must be a number more than 0, "
         "got 0"),
        ("{distribution: q_uniform, min: 0, max: 1, q: true}", "p.q: must be a number more than 0, "
         "got true"),
        ("{min: 0, max: 1, q: 2}", "p.q: needs distribution: q_uniform"),
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
        ("{mu: 0, sigma: 1}", "p: has neither value, values, nor min and max; name the "
         "distribution"),
        ("{distribution: normal, mu: 0, sigma: 1}", "p.distribution: normal is a W&B distribution "
         f"that this version does not have yet; {HAS}"),
        ("{distribution: log_uniform, min: -5, max: 0}", "p.distribution: log_uniform is a W&B "
         f"distribution that this version does not have yet; {HAS}; log_uniform_values takes the "
         "bounds themselves"),
        ("{distribution: unifrom, min: 0, max: 1}", 'p.distribution: "unifrom" is no distribution; '
         f"{HAS}; did you mean uniform?"),
        ("{distribution: [1], min: 0, max: 1}", f"p.distribution: [1] is no distribution; {HAS}"),
        ("{value: 1, when: x}", "p.when: conditional parameters are not in this version yet"),
        ("{parameters: {a: {value: 1}}}", "p.parameters: nested parameters are a W&B form that "
         "this version does not have yet"),
        ("{values: [1, 2], probabilities: [.5, .5]}", "p.probabilities: weighted values are a W&B "
         "form that this version does not have yet"),
    ],
)  # fmt: skip
def test_wrong_forms_are_mended(tmp_path: Path, text: str, line: str) -> None:
    """Each wrong form is one line that says what was given and how it is written."""
    assert errors_of(tmp_path, with_parameter(text)) == [f"sweep.yaml:5: parameters.{line}"]


@pytest.mark.parametrize("name", ["_a", "A.b-c_1", "opt.lr", "value"])
def test_names_of_wandb_are_names(tmp_path: Path, name: str) -> None:
    """Letters, digits, underscore, dot and hyphen make a name."""
    loaded = load_text(tmp_path, f"{HEAD}parameters: {{{name}: {{value: 1}}}}")
    assert list(loaded.config.space) == [name]


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
    ],
)  # fmt: skip
def test_what_has_one_plain_reading_is_a_warning(
    tmp_path: Path, text: str, parameter: Parameter, warning: str
) -> None:
    """A file that W&B would call ambiguous is read in the plain way, and says so."""
    assert load_text(tmp_path, with_parameter(text)).config.space == {"p": parameter}
    assert warnings_of(tmp_path, with_parameter(text)) == [f"sweep.yaml:5: parameters.{warning}"]


def test_a_grid_refuses_every_continuous_parameter(tmp_path: Path) -> None:
    """A grid over real numbers is an error that names each of them."""
    text = """\
objective: train.py:train
method: grid
metric: {name: loss}
parameters:
  a: {min: 0.0, max: 1.0}
  b: {min: 0, max: 3}
  c: {distribution: log_uniform_values, min: 0.1, max: 1}
  d: {distribution: q_uniform, min: 0, max: 1, q: 0.5}
"""
    what = (
        "is continuous, which a grid cannot count; list values, use distribution: q_uniform, or "
        "method: random or bayes"
    )
    assert errors_of(tmp_path, text) == [
        f"sweep.yaml:5: parameters.a: {what}",
        f"sweep.yaml:7: parameters.c: {what}",
    ]


def test_the_space_does_not_depend_on_the_order_of_lines(tmp_path: Path) -> None:
    """Names come in alphabetical order, so that moving a line proposes the same points."""
    text = f"{HEAD}parameters: {{b: {{value: 1}}, a: {{value: 2}}}}"
    assert list(load_text(tmp_path, text).config.space) == ["a", "b"]


def canonical(value: object) -> str:
    """Write a value so that exactly equal values of equal types are equal texts."""
    return json.dumps(value, sort_keys=True)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
REAL = st.floats(-1e300, 1e300)
INTERVAL = st.tuples(REAL, REAL).filter(lambda bounds: bounds[0] < bounds[1])
PARAMETERS = (
    st.builds(Constant, JSON)
    | st.lists(JSON, min_size=1, max_size=4, unique_by=canonical).map(
        lambda values: Categorical(tuple(values))
    )
    | INTERVAL.map(lambda bounds: Uniform(*bounds))
    | st.builds(LogUniform, st.floats(1e-9, 1.0), st.floats(1.5, 1e9))
    | st.builds(IntUniform, st.integers(-100, 0), st.integers(1, 100))
    | st.builds(Quantized, st.floats(-9, 0), st.floats(1, 9), st.floats(0.1, 2) | st.integers(1, 3))
)


NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]*", fullmatch=True)


@given(st.dictionaries(NAMES, PARAMETERS, min_size=1))
def test_written_spaces_read_back(space: dict[str, Parameter]) -> None:
    """A space that was written reads as the same values of the same types, without a warning."""
    warned: list[object] = []
    read = read_space(written_space(space), lambda path, what: warned.append((path, what)))
    assert repr(read) == repr({name: space[name] for name in sorted(space)})
    assert warned == []
