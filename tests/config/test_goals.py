from __future__ import annotations

from pathlib import Path

import pytest

from sweeper.expression import Expression
from sweeper.model import BUILT_IN, Direction, Goals, Impute, Metric, Take
from tests.config.sweeps import errors_of, load_text, warnings_of

HEAD = "objective: train.py:train\nmethod: bayes\n"
TAIL = """\
parameters:
  lr: {min: 0.1, max: 1.0}
  opt: {parameters: {name: {values: [a, b]}, beta: {min: 0.1, max: 0.9}}}
  head: {value: {width: 3}}
"""


def with_metrics(text: str) -> str:
    """Return a sweep file with these keys in line 3, and four parameters."""
    return f"{HEAD}{text}\n{TAIL}"


def with_constraints(*constraints: str) -> str:
    """Return a sweep file with one metric and these constraints from line 9 on."""
    lines = "".join(f"  - {it}\n" for it in constraints)
    return f"{with_metrics('metric: {name: loss}')}constraints:\n{lines}"


@pytest.mark.parametrize(
    ("text", "metric"),
    [
        ("{name: a}", Metric("a", Direction.MINIMIZE)),
        ("{name: a, goal: maximize, target: 1}", Metric("a", Direction.MAXIMIZE, 1.0)),
        ("{name: a, take: best}", Metric("a", Direction.MINIMIZE, take=Take.BEST)),
        ("{name: a, impute: worst}", Metric("a", Direction.MINIMIZE, impute=Impute.WORST)),
        ("{name: a, impute: latest}", Metric("a", Direction.MINIMIZE, impute=Impute.LATEST)),
        ("{name: a, impute_while_running: 'false'}", Metric("a", Direction.MINIMIZE)),
        ("{name: a, impute_while_running: false}", Metric("a", Direction.MINIMIZE)),
        ("{name: energy_kwh}", Metric("energy_kwh", Direction.MINIMIZE)),
    ],
)
def test_one_metric_is_the_goal(tmp_path: Path, text: str, metric: Metric) -> None:
    """``metric`` is read with W&B's keys and ours, without a warning."""
    loaded = load_text(tmp_path, with_metrics(f"metric: {text}"))
    assert (loaded.config.goals, loaded.warnings) == (Goals.of(metric), ())


@pytest.mark.parametrize("told", ["latest", "best", "worst"])
def test_running_trials_are_not_imputed(tmp_path: Path, told: str) -> None:
    """W&B's ``impute_while_running`` is accepted, and that it changes nothing is said."""
    text = with_metrics(f"metric: {{name: a, impute_while_running: {told}}}")
    assert warnings_of(tmp_path, text) == [
        "sweep.yaml:3: metric.impute_while_running: changes nothing here: samplers are not told "
        "about running trials"
    ]


@pytest.mark.parametrize(
    ("way", "take"),
    [
        ("objective: a.py:f", Take.LAST),
        ("program: a.py", Take.BEST),
        ("command: [sh, a.sh]", Take.BEST),
    ],
)
def test_a_programs_best_report_counts(tmp_path: Path, way: str, take: Take) -> None:
    """Where the file does not say, a function's last report counts and a program's best."""
    text = with_metrics("metric: {name: a}").replace("objective: train.py:train", way)
    assert load_text(tmp_path, text).config.goals.first.take is take


@pytest.mark.parametrize(
    "metrics", ["metrics: [{name: a}, {name: b}]", "metric: {name: energy_j}"], ids=str
)
def test_values_that_belong_together_are_those_of_the_last_report(
    tmp_path: Path, metrics: str
) -> None:
    """Each metric's own best would be a point that no report was; joules only add up at the end."""
    text = with_metrics(metrics).replace("objective: train.py:train", "program: a.py")
    goals = load_text(tmp_path, text).config.goals
    assert {metric.take for metric in goals.metrics} == {Take.LAST}


def test_the_best_of_a_built_in_metric_is_refused(tmp_path: Path) -> None:
    """Its first value would always be the best one."""
    text = with_metrics("metric: {name: energy_j, take: best}")
    (line,) = errors_of(tmp_path, text)
    assert "metric.take: energy_j is that of the whole trial" in line


@pytest.mark.parametrize(
    ("written", "take"),
    [("", Take.LAST), (", take: best", Take.BEST), (", take: last", Take.LAST)],
    ids=["not said", "best", "last"],
)
def test_a_metric_of_a_region_may_be_reported(tmp_path: Path, written: str, take: Take) -> None:
    """It is built in, and yet its best report may count: one that is reported wins."""
    text = with_metrics(f"metric: {{name: inference_energy_j{written}}}")
    goals = load_text(tmp_path, text).config.goals
    assert (goals.first.take, goals.built_in) == (take, ("inference_energy_j",))


def test_a_region_may_be_in_constraints_and_in_patterns(tmp_path: Path) -> None:
    """Its joules are a column like others, which a program may print itself."""
    constraint = "constraints: [inference_energy_j <= 5]"
    goals = load_text(tmp_path, with_metrics(f"metric: {{name: a}}\n{constraint}")).config.goals
    assert (goals.names, goals.built_in) == (("a", "inference_energy_j"), ("inference_energy_j",))
    pattern = "stdout: {pattern: 'a=(?P<a>.+) j=(?P<inference_energy_j>.+)'}"
    program = with_metrics(f"metric: {{name: a}}\n{constraint}\n{pattern}")
    load_text(tmp_path, program.replace("objective: train.py:train", "program: a.py"))


def test_several_metrics_are_the_goals_in_their_order(tmp_path: Path) -> None:
    """``metrics`` takes built-in ones beside reported ones; the first reported one is judged."""
    text = with_metrics("metrics: [{name: energy_j}, {name: acc, goal: maximize}, {name: cost}]")
    goals = load_text(tmp_path, text).config.goals
    assert goals.names == ("energy_j", "acc", "cost")
    assert [metric.direction.value for metric in goals.metrics] == [
        "minimize",
        "maximize",
        "minimize",
    ]
    assert (goals.judged, goals.built_in) == (1, ("energy_j", "cost"))


@pytest.mark.parametrize(
    ("metrics", "rule", "judged"),
    [
        ("[{name: a}, {name: b}]", "median", 0),
        ("[{name: cost}, {name: b}]", "median", 1),
        ("[{name: cost}, {name: energy_j}]", "median", 0),
        ("[{name: a}, {name: b}]", "{type: median, metric: b}", 1),
        ("[{name: a}, {name: cost}]", "{type: median, metric: cost}", 1),
        ("[{name: inference_energy_j}, {name: b}]", "median", 1),
        ("[{name: inference_duration_s}, {name: cost}]", "median", 0),
    ],
)
def test_early_stopping_judges_one_metric(
    tmp_path: Path, metrics: str, rule: str, judged: int
) -> None:
    """The one that the rule names, else the first that is not built in, else the first."""
    text = with_metrics(f"metrics: {metrics}\nearly_terminate: {rule}")
    assert load_text(tmp_path, text).config.goals.judged == judged


@pytest.mark.parametrize("method", ["random", "grid"])
def test_what_does_not_steer_needs_no_metric(tmp_path: Path, method: str) -> None:
    """W&B runs such files: trials are compared by their duration, which is said."""
    text = f"objective: t.py:f\nmethod: {method}\nparameters: {{a: {{values: [1, 2]}}}}\n"
    loaded = load_text(tmp_path, text)
    assert loaded.config.goals.names == ("duration_s",)
    assert "metric: is not given: trials are compared by duration_s alone" in loaded.warnings[0]
    (line,) = errors_of(tmp_path, f"{text}early_terminate: median\n")
    assert "early_terminate: needs to know what is good; add metric" in line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "sweep.yaml:1: metric: is required: such as metric: {name: val_loss, goal: minimize}"),
        ("metric: {name: a}\nmetrics: [{name: b}, {name: c}]", "sweep.yaml:4: metrics: stands "
         "beside metric; keep one of the two"),
        ("metrics: []", "sweep.yaml:3: metrics: needs two or more, got an empty list; write "
         "metric: {...}"),
        ("metrics: [{name: b}]", "sweep.yaml:3: metrics: needs two or more, got one; write "
         "metric: {...}"),
        ("metrics: {name: b}", "sweep.yaml:3: metrics: must be a list, got a mapping"),
        ("metrics: [a, b]", 'sweep.yaml:3: metrics[0]: must be a mapping, got "a"; write {name: '
         "a}\nsweep.yaml:3: metrics[1]: must be a mapping, got \"b\"; write {name: b}"),
        ("metrics: [{name: b},\n {name: b}]", 'sweep.yaml:4: metrics[1].name: "b" is given twice; '
         "keep one"),
        ("metrics: [{name: b, target: 3}, {name: c}]", "sweep.yaml:3: metrics[0].target: has no "
         "meaning with several metrics; drop it, or write a constraint"),
        ("metrics: [{goal: maximize}, {name: c, gaol: maximize}]", "sweep.yaml:3: metrics[0].name: "
         "is required: the key under which the objective reports it\nsweep.yaml:3: "
         "metrics[1].gaol: is not a key of metrics; did you mean goal?"),
        ("metrics: [{name: b, method: bayes}, {name: c}]", "sweep.yaml:3: metrics[0].method: "
         "stands one level too deep; move it to the top level of the file"),
        ("metrics: [{name: b}, {name: c}]\nearly_terminate: {type: median, metric: d}",
         'sweep.yaml:4: early_terminate.metric: must be a metric of the sweep, b or c, got "d"'),
    ],
)  # fmt: skip
def test_wrong_metrics_are_said_with_the_cure(tmp_path: Path, text: str, line: str) -> None:
    """Each mistake is one finished line."""
    assert errors_of(tmp_path, with_metrics(text)) == line.split("\n")


@pytest.mark.parametrize(
    ("constraint", "about_points"),
    [
        ("lr <= 0.5", True),
        ("lr * opt.beta <= 0.5", True),
        ("opt.name == 'a' or lr < 0.3", True),
        ("head.width == 3", True),
        ("loss <= 0.5", False),
        ("loss <= lr", False),
        ("energy_kwh <= 0.4", False),
        ("latency_ms <= 20", False),
        ("'`val/acc` >= 0.5'", False),
    ],
)
def test_constraints_are_about_points_or_outcomes(
    tmp_path: Path, constraint: str, about_points: bool
) -> None:
    """Those that name parameters only are known before a trial starts."""
    config = load_text(tmp_path, with_constraints(constraint)).config
    expression = Expression(constraint.strip("'") if "`" in constraint else constraint)
    found = (config.point_constraints, config.goals.constraints)
    assert found == (((expression,), ()) if about_points else ((), (expression,)))


def test_what_constraints_name_must_be_reported(tmp_path: Path) -> None:
    """A curve has a column for each objective, then for what constraints on outcomes name."""
    text = with_constraints("mem * lr < 9", "loss < 1", "mem < 3", "cost < 2", "lr < 0.9")
    assert load_text(tmp_path, text).config.goals.names == ("loss", "mem", "cost")


@pytest.mark.parametrize(
    ("constraint", "what"),
    [
        ("3 < 4", '"3 < 4" names neither a parameter nor a metric'),
        ("lr >", '"lr >" is no expression: invalid syntax'),
        ("__import__('os')", "\"__import__('os')\" is not allowed; there are numbers, 'text', "
         "lists, + - * / // %, comparisons, in, and, or, not, abs, min, max; a name that is no "
         "plain word stands in `backticks`"),
        ("7", "must be text such as energy_kwh <= 0.4, got 7"),
        ("{a: 1}", "must be text such as energy_kwh <= 0.4, got a mapping"),
        ("opt.nam == 'a'", 'there is no parameter "opt.nam"; did you mean opt.name?'),
    ],
)  # fmt: skip
def test_wrong_constraints_are_said_with_the_cure(
    tmp_path: Path, constraint: str, what: str
) -> None:
    """What is no condition, and what leads into a group of parameters and is not there."""
    lines = errors_of(tmp_path, with_constraints("lr < 1", constraint))
    assert lines == [f"sweep.yaml:10: constraints[1]: {what}"]


def test_a_misspelt_parameter_is_perhaps_meant(tmp_path: Path) -> None:
    """A name that is nearly a parameter's counts as a metric, with a warning."""
    assert warnings_of(tmp_path, with_constraints("lrr < 1", "acc > 0.3")) == [
        "sweep.yaml:9: constraints[0]: lrr is no parameter and so a metric that every trial must "
        "report; did you mean lr?"
    ]


@pytest.mark.parametrize("name", [*BUILT_IN, "inference_energy_j", "lr_energy_kwh", "a_duration_s"])
def test_built_in_metrics_are_never_taken_for_misspelt(tmp_path: Path, name: str) -> None:
    """What nobody has to report needs no warning."""
    assert warnings_of(tmp_path, with_constraints(f"{name} < 1")) == []
