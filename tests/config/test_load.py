from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sweeper.config.caching import Cache, CacheMode, Code, CodePolicy, DataVersion
from sweeper.config.load import load, restore
from sweeper.config.models import Method, SweepConfig
from sweeper.config.sections import (
    Budget,
    Energy,
    Ray,
    Resources,
    Sampler,
    SamplerType,
    Trial,
)
from sweeper.config.stopping import Asha, Hyperband, Median, Rule
from sweeper.errors import ConfigError
from sweeper.model import Direction, Metric, Take
from tests.config.sweeps import COMPLETE, HEAD, MINIMAL, errors_of, load_text, warnings_of


def test_a_complete_file_becomes_plain_values(tmp_path: Path) -> None:
    """Every section arrives, in the units of the field names, without a warning."""
    loaded = load_text(tmp_path, COMPLETE)
    config = loaded.config
    assert loaded.warnings == ()
    assert loaded.path == Path("sweep.yaml")
    assert (config.name, config.description) == ("digits-mlp", "How small can it be?")
    assert (config.objective, config.method) == ("examples/digits_mlp.py:train", Method.BAYES)
    assert config.metric == Metric("val_accuracy", Direction.MAXIMIZE, 0.99, Take.BEST)
    assert config.early_terminate == Hyperband(min_iter=3, eta=3.0)
    assert (config.max_steps, config.seed) == (30, 1)
    assert config.sampler is not None
    assert config.sampler.options == {"n_startup_trials": 8, "multivariate": True}
    budget, trial, resources = config.budget, config.trial, config.resources
    assert (budget.trials, budget.time_s, budget.energy_j) == (60, 7200.0, 1.8e6)
    assert (budget.co2e_g, budget.cost) == (200.0, 5.0)
    assert (trial.seed, trial.retries, trial.timeout_s) == (7, 1, 1800.0)
    assert (resources.cpus, resources.gpus) == (2.0, 0.5)
    assert (resources.memory_bytes, resources.workers) == (4 * 2**30, None)
    assert config.ray.address == "auto"
    energy, cache = config.energy, config.cache
    assert (energy.region, energy.carbon_intensity_g_per_kwh) == ("US-CA", 369.0)
    assert (energy.pue, energy.price_per_kwh, energy.currency) == (1.2, 0.15, "EUR")
    assert (cache.url, cache.mode) == ("postgresql://store.lab/results", CacheMode.OFF)
    assert (cache.namespace, cache.salt, cache.ignore) == ("vision", "2", ("layers",))
    assert cache.data == ("data/*.csv", DataVersion(name="imagenet", version="2012-3"))
    code = Code(policy=CodePolicy.TREE, include=("*.py",), exclude=("scratch/*",))
    assert cache.code == code


def test_a_minimal_file_gets_the_defaults(tmp_path: Path) -> None:
    """What the file does not say is what the documentation says."""
    config = load_text(tmp_path, MINIMAL).config
    assert (config.name, config.description, config.seed) == ("sweep", None, 0)
    assert config.metric == Metric("loss", Direction.MINIMIZE, None, Take.LAST)
    assert (config.early_terminate, config.max_steps) == (None, None)
    assert config.sampler == Sampler(type=SamplerType.TPE)
    assert config.budget == Budget()
    assert config.budget.model_dump() == dict.fromkeys(
        ("trials", "time_s", "energy_j", "co2e_g", "cost")
    )
    assert config.trial.model_dump() == {"seed": None, "retries": 2, "timeout_s": None}
    assert config.resources == Resources(cpus=1.0, gpus=None)
    assert (config.resources.memory_bytes, config.resources.workers) == (None, None)
    assert config.ray == Ray(address=None)
    assert config.energy == Energy(pue=None, currency="USD")
    assert (config.cache.mode, config.cache.namespace) == (CacheMode.READ_WRITE, "default")
    assert config.cache.code.policy is CodePolicy.IMPORTS


def test_a_section_without_a_value_is_an_absent_one(tmp_path: Path) -> None:
    """``budget:`` with nothing behind it, and ``null`` for a key, mean the default."""
    text = MINIMAL + "name:\nbudget:\nmax_steps: null\ntrial: {retries: ~, seed: 3}\n"
    config = load_text(tmp_path, text).config
    assert config.budget == Budget()
    assert config.trial == Trial(seed=3)
    assert config == load_text(tmp_path, MINIMAL + "trial: {seed: 3}").config


@pytest.mark.parametrize(
    ("method", "sampler"),
    [("grid", None), ("random", SamplerType.RANDOM), ("bayes", SamplerType.TPE)],
)
def test_the_sampler_follows_the_method(
    tmp_path: Path, method: str, sampler: SamplerType | None
) -> None:
    """Without a ``sampler`` the method chooses it; a grid has none."""
    text = (
        f"objective: a.b:c\nmethod: {method}\nmetric: {{name: x}}\nparameters: {{p: {{value: 1}}}}"
    )
    chosen = load_text(tmp_path, text).config.sampler
    assert (chosen and chosen.type) == sampler


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("{type: hyperband, min_iter: 3}", Hyperband(min_iter=3, eta=3.0, strict=True)),
        ("{type: hyperband, max_iter: 27, s: 2}", Hyperband(max_iter=27, s=2)),
        ("{type: hyperband, max_iter: 27, s: 2.0, eta: 4, strict: false}",
         Hyperband(max_iter=27, s=2, eta=4.0, strict=False)),
        ("{type: asha}", Asha(min_iter=1, eta=3.0)),
        ("{type: asha, min_iter: 2, eta: 2.5}", Asha(min_iter=2, eta=2.5)),
        ("asha", Asha()),
        ("{type: median}", Median(warmup_trials=5, min_iter=0)),
        ("{type: median, warmup_trials: 0, min_iter: 4}", Median(warmup_trials=0, min_iter=4)),
        ("median", Median()),
        ("none", None),
        ("{type: none}", None),
        ("", None),
    ],
)  # fmt: skip
def test_early_terminate_takes_each_rule(tmp_path: Path, text: str, rule: Rule | None) -> None:
    """Each rule is read with its defaults; a name alone is enough where they are complete."""
    assert load_text(tmp_path, f"{MINIMAL}early_terminate: {text}").config.early_terminate == rule


UNITS_J = "J, kJ, MJ, Wh, kWh, MWh"
NOT_RUN = "is a W&B key that this version does not run yet"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("budegt: {}", "budegt: is not a key of a sweep file; did you mean budget?"),
        ("xyz: 1", "xyz: is not a key of a sweep file, which has: budget, cache, description, "
         "early_terminate, energy, max_steps, method, metric, name, objective, parameters, ray, "
         "resources, sampler, seed, trial"),
        ('"a\\nb": 1', 'a\\nb: is not a key of a sweep file, which has: budget, cache, '
         "description, early_terminate, energy, max_steps, method, metric, name, objective, "
         "parameters, ray, resources, sampler, seed, trial"),
        ("program: train.py", f"program: {NOT_RUN}; name a function with objective: "
         "file.py:function"),
        ("command: [a]", f"command: {NOT_RUN}; name a function with objective: file.py:function"),
        ("metrics: []", f"metrics: {NOT_RUN}"),
        ("scheduler: {engine: wandb}", f"scheduler: {NOT_RUN}"),
        ("job: x", f"job: {NOT_RUN}"),
        ("image_uri: x", f"image_uri: {NOT_RUN}"),
        ("name: 42", 'name: must be text, got 42; quote it: "42"'),
        ("name: ''", "name: must not be empty"),
        ('name: "a\\nb"', "name: must be one line without control characters"),
        ("description: {a: 1}", "description: must be text, got a mapping"),
        ("max_steps: 0", "max_steps: must be at least 1, got 0"),
        ("max_steps: 3.0", "max_steps: must be a whole number, got 3.0"),
        ("max_steps: '3'", 'max_steps: must be a whole number, got "3"; write it without quotes'),
        ("seed: -1", "seed: must be at least 0, got -1"),
        ("seed: true", "seed: must be a whole number, got true"),
        ("sampler: gp", 'sampler.type: must be tpe or random, got "gp"'),
        ("sampler: {type: tp}", 'sampler.type: must be tpe or random, got "tp"; did you mean tpe?'),
        ("sampler: {group: true}", "sampler.type: is required: tpe or random"),
        ("sampler: {type: tpe, group: true}", "sampler.group: needs multivariate: true"),
        ("sampler: {type: random, constant_liar: false}", "sampler.constant_liar: is an option of "
         "type: tpe"),
        ("sampler: {type: tpe, group: 1}", "sampler.group: must be true or false, got 1"),
        ("budget: 60", "budget: must be a mapping, got 60"),
        ("budget: {trails: 6}", "budget.trails: is not a key of budget; did you mean trials?"),
        ("budget: {trials: 0}", "budget.trials: must be at least 1, got 0"),
        ("budget: {energy: 500}", f"budget.energy: needs a unit, got 500; units: {UNITS_J}"),
        ("budget: {cost: 0}", "budget.cost: must be more than 0, got 0"),
        ("budget: {cost: .inf}", "budget.cost: must be a finite number, got inf"),
        ("budget: {cost: '3'}", 'budget.cost: must be a number, got "3"; write it without quotes'),
        ("run_cap: 0", "run_cap: must be at least 1, got 0"),
        ("run_cap: x", 'run_cap: must be a whole number, got "x"'),
        ("run_cap: 5\nbudget: {trials: 6}", "run_cap: is W&B's name of budget.trials, got 5 and 6; "
         "keep one of them"),
        ("trial: {retires: 2}", "trial.retires: is not a key of trial; did you mean retries?"),
        ("trial: {seed: 4294967296}", "trial.seed: must be at most 4294967295, got 4294967296"),
        ("trial: {max_steps: 3}", "trial.max_steps: stands one level too deep; move it to the top "
         "level of the file"),
        ("resources: {cpus: 0}", "resources.cpus: must be more than 0, got 0"),
        ("resources: {gpus: -1}", "resources.gpus: must be at least 0, got -1"),
        ("resources: {gpus: 1.5}", "resources.gpus: must be whole above 1, got 1.5"),
        ("resources: {workers: many}", "resources.workers: must be a whole number or auto, got "
         '"many"'),
        ("resources: {workers: 0}", "resources.workers: must be at least 1, got 0"),
        ("ray: auto", 'ray: must be a mapping, got "auto"'),
        ("ray: {namespace: x}", "ray.namespace: is not a key of ray, which has: address"),
        ("energy: {pue: 0.9}", "energy.pue: must be at least 1, got 0.9"),
        ("energy: {currency: usd}", "energy.currency: must be three capital letters (ISO 4217) "
         'such as EUR, got "usd"'),
        ("energy: {price_per_kwh: -0.1}", "energy.price_per_kwh: must be at least 0, got -0.1"),
        ("energy: {cpu_w_per_core: 0}", "energy.cpu_w_per_core: must be more than 0, got 0"),
        ("cache: {mode: on}", "cache.mode: must be rw, ro or off, got true"),
        ("cache: {mode: of}", 'cache.mode: must be rw, ro or off, got "of"; did you mean off?'),
        ("cache: {url: results.db}", "cache.url: must be a URL such as sqlite:///results.db or "
         "postgresql+psycopg://host/database"),
        ("cache: {url: 'postgresql://me:secret@host/db'}", "cache.url: holds a password; keep it "
         "in ~/.pgpass or in PGPASSWORD"),
        ("cache: {url: 'postgresql://[/db'}", "cache.url: is no URL: Invalid IPv6 URL"),
        ("cache: {data: a.csv}", 'cache.data: must be a list, got "a.csv"; write [a.csv]'),
        ("cache: {data: [3]}", "cache.data[0]: must be a path or {name: ..., version: ...}, got 3"),
        ("cache: {data: [a, {name: b}]}", "cache.data[1].version: is required"),
        ("cache: {data: [{name: b, version: 1.0}]}", "cache.data[0].version: must be text, got "
         '1.0; quote it: "1.0"'),
        ("cache: {data: [{name: b, version: c, at: d}]}", "cache.data[0].at: is not a key of "
         "cache.data, which has: name, version"),
        ("cache: {code: {policy: import}}", 'cache.code.policy: must be imports or tree, got '
         '"import"; did you mean imports?'),
        ("cache: {ignore: [lrr]}", 'cache.ignore[0]: there is no parameter "lrr"; did you mean '
         "lr?"),
        ("early_terminate: hyperband", "early_terminate: hyperband needs min_iter: write {type: "
         "hyperband, min_iter: 3}"),
        ("early_terminate: hyperbnd", "early_terminate: must be hyperband, asha, median or none, "
         'got "hyperbnd"; did you mean hyperband?'),
        ("early_terminate: 3", "early_terminate: must be a mapping, such as {type: hyperband, "
         'min_iter: 3}, or "none"'),
        ("early_terminate: {min_iter: 1}", "early_terminate.type: is required: hyperband, asha, "
         "median, none"),
        ("early_terminate: {type: [1]}", "early_terminate.type: must be hyperband, asha, median or "
         "none, got [1]"),
        ("early_terminate: {type: hyperband}", "early_terminate: hyperband needs min_iter, or "
         "max_iter and s; add min_iter: 3"),
        ("early_terminate: {type: hyperband, max_iter: 27}", "early_terminate.max_iter: needs s, "
         "the number of bands; or use min_iter alone"),
        ("early_terminate: {type: hyperband, min_iter: 1, s: 2}", "early_terminate.s: needs "
         "max_iter; or use min_iter alone"),
        ("early_terminate: {type: hyperband, min_iter: 1, eta: 1}", "early_terminate.eta: must be "
         "more than 1, got 1"),
        ("early_terminate: {type: median, eta: 3}", "early_terminate.eta: is not a key of "
         "early_terminate, which has: min_iter, type, warmup_trials"),
        ("early_terminate: {type: none, eta: 3}", "early_terminate: type: none takes no other "
         "keys"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_one_line_with_the_cure(tmp_path: Path, text: str, line: str) -> None:
    """Each mistake in an otherwise good file is one finished line."""
    assert errors_of(tmp_path, f"{MINIMAL}{text}\n") == [f"sweep.yaml:6: {line}"]


@pytest.mark.parametrize(
    ("key", "text", "line"),
    [
        ("metric", "metric: loss", 'metric: must be a mapping, got "loss"; write {name: loss}'),
        ("metric", "metric: [loss]", "metric: must be a mapping, got a list"),
        ("metric", "metric: {goal: minimize}", "metric.name: is required: the key under which the "
         "objective reports it"),
        ("metric", "metric: {name: a, goal: max}", 'metric.goal: must be minimize or maximize, got '
         '"max"; did you mean maximize?'),
        ("metric", "metric: {name: a, goal: maximum}", "metric.goal: must be minimize or maximize, "
         'got "maximum"; did you mean maximize?'),
        ("metric", "metric: {name: a, target: '1'}", 'metric.target: must be a number, got "1"; '
         "write it without quotes"),
        ("metric", "metric: {name: a, take: first}", 'metric.take: must be last or best, got '
         '"first"'),
        ("metric", "metric: {name: a, impute: worst}", f"metric.impute: {NOT_RUN}"),
        ("metric", "metric: {name: a, method: bayes}", "metric.method: stands one level too deep; "
         "move it to the top level of the file"),
        ("method", "method: custom", 'method: must be grid, random or bayes, got "custom"'),
        ("method", "method: baes", 'method: must be grid, random or bayes, got "baes"; did you '
         "mean bayes?"),
        ("objective", "objective: train.py", "objective: must be path/to/file.py:function or "
         'package.module:function, got "train.py"; write train.py:NAME'),
        ("objective", "objective: a:b:c", "objective: must be path/to/file.py:function or "
         'package.module:function, got "a:b:c"'),
        ("objective", "objective: train.py:1x", 'objective: "1x" behind the colon is no function '
         "name"),
        ("objective", "objective: my-module:f", 'objective: "my-module" is neither a .py file nor '
         "a module name"),
        ("objective", "objective: 3", 'objective: must be text, got 3; quote it: "3"'),
    ],
)  # fmt: skip
def test_a_wrong_required_value_is_one_line(tmp_path: Path, key: str, text: str, line: str) -> None:
    """The keys that every file needs are checked as strictly."""
    kept = [it for it in MINIMAL.splitlines() if not it.startswith(key)]
    assert errors_of(tmp_path, "\n".join([*kept, text])) == [f"sweep.yaml:5: {line}"]


def test_what_is_required_is_said_with_an_example(tmp_path: Path) -> None:
    """A file with nothing of it names all four keys."""
    assert errors_of(tmp_path, "\nseed: 1\n") == [
        "sweep.yaml:2: method: is required: grid, random or bayes",
        "sweep.yaml:2: metric: is required: such as metric: {name: val_loss, goal: minimize}",
        "sweep.yaml:2: objective: is required: the training function, such as objective: "
        "train.py:train",
        "sweep.yaml:2: parameters: is required: such as parameters: {lr: {min: 0.001, max: 0.1}}",
    ]


def test_all_errors_come_at_once_in_the_order_of_lines(tmp_path: Path) -> None:
    """Errors of syntax rules, sections, parameters and between sections are one list."""
    text = """\
budget: {time: 5 y,
         trials: 0}
objective: train.py
method: grid
sampler: tpe
parameters:
  lr:
    max: 0.01
    min: 0.1
  momentum: 0.9
metric:
  goal: max
  name: loss
cache:
  ignore: [lr]
program: train.py
metric: {name: acc}
"""
    assert errors_of(tmp_path, text) == [
        'sweep.yaml:1: budget.time: unit "y" is not one of: s, min, h, d',
        "sweep.yaml:2: budget.trials: must be at least 1, got 0",
        "sweep.yaml:3: objective: must be path/to/file.py:function or package.module:function, "
        'got "train.py"; write train.py:NAME',
        "sweep.yaml:5: sampler: has no meaning with method: grid, which counts its points; drop it",
        "sweep.yaml:9: parameters.lr.min: must be smaller than max, got min=0.1 max=0.01; swap "
        "them",
        "sweep.yaml:10: parameters.momentum: must be a mapping, got 0.9; write {value: 0.9}",
        'sweep.yaml:12: metric.goal: must be minimize or maximize, got "max"; did you mean '
        "maximize?",
        f"sweep.yaml:16: program: {NOT_RUN}; name a function with objective: file.py:function",
        "sweep.yaml:17: metric: is given twice, first in line 11; keep one",
    ]


def test_a_password_is_not_repeated(tmp_path: Path) -> None:
    """The error about a password in a file does not show it."""
    for url in ("postgresql://me:hunter2@host/db", "postgresql://host/db?password=hunter2"):
        assert "hunter2" not in errors_of(tmp_path, f"{MINIMAL}cache: {{url: '{url}'}}")[0]


@pytest.mark.parametrize(
    ("text", "warnings"),
    [
        ("entity: me\nproject: p", ["sweep.yaml:6: entity", "sweep.yaml:7: project"]),
        ("controller: {type: local}", ["sweep.yaml:6: controller"]),
        ("apiVersion: v1\nkind: sweep", ["sweep.yaml:6: apiVersion", "sweep.yaml:7: kind"]),
    ],
)
def test_display_keys_of_wandb_are_dropped_with_a_warning(
    tmp_path: Path, text: str, warnings: list[str]
) -> None:
    """What only W&B's service understands changes nothing."""
    assert load_text(tmp_path, MINIMAL + text).config == load_text(tmp_path, MINIMAL).config
    assert warnings_of(tmp_path, MINIMAL + text) == [
        f"{it}: is a W&B key that has no meaning here" for it in warnings
    ]


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("early_terminate: {type: hyperband, min_iter: 1, max_iter: 9, s: 2}",
         "early_terminate.min_iter: is ignored, because max_iter and s are given; drop one of the "
         "two forms"),
        ("sampler: random", "sampler: random proposes the points, whatever method: bayes says"),
        ("budget: {time: 1:30}", "budget.time: 1:30 is read in base 60, as YAML 1.1 has it; write "
         "the number, or quote the text"),
    ],
)  # fmt: skip
def test_doubtful_values_are_kept_with_a_warning(tmp_path: Path, text: str, warning: str) -> None:
    """What can be run but was perhaps not meant is said once."""
    assert warnings_of(tmp_path, MINIMAL + text) == [f"sweep.yaml:6: {warning}"]


def test_hyperband_with_both_forms_keeps_max_iter(tmp_path: Path) -> None:
    """As in W&B, ``max_iter`` and ``s`` win over ``min_iter``."""
    text = MINIMAL + "early_terminate: {type: hyperband, min_iter: 1, max_iter: 9, s: 2}"
    assert load_text(tmp_path, text).config.early_terminate == Hyperband(max_iter=9, s=2)


@pytest.mark.parametrize("mode", ["off", "Off", "'off'", "false"])
def test_cache_mode_off_needs_no_quotes(tmp_path: Path, mode: str) -> None:
    """YAML reads a plain ``off`` as false; the mode is meant, and there is no warning."""
    loaded = load_text(tmp_path, f"{MINIMAL}cache: {{mode: {mode}}}")
    assert (loaded.config.cache.mode, loaded.warnings) == (CacheMode.OFF, ())


def test_run_cap_is_budget_trials(tmp_path: Path) -> None:
    """W&B's name is another name, alone or with the same number."""
    expected = load_text(tmp_path, MINIMAL + "budget: {trials: 5}").config
    assert load_text(tmp_path, MINIMAL + "run_cap: 5").config == expected
    assert load_text(tmp_path, MINIMAL + "run_cap: 5\nbudget: {trials: 5}").config == expected


@pytest.mark.parametrize("text", [MINIMAL, COMPLETE], ids=["minimal", "complete"])
def test_a_resolved_configuration_reads_back(tmp_path: Path, text: str) -> None:
    """``restore`` gives the same configuration, and the text is itself a sweep file."""
    loaded = load_text(tmp_path, text)
    resolved = loaded.resolved_json()
    assert restore(resolved) == loaded.config
    assert restore(resolved).resolved_json() == resolved
    again = load_text(tmp_path, resolved)
    assert (again.config, again.warnings) == (loaded.config, ())


def test_the_resolved_configuration_is_in_base_units(tmp_path: Path) -> None:
    """Quantities are in seconds, joules, grams and bytes; keys keep their order."""
    document = json.loads(load_text(tmp_path, COMPLETE).resolved_json())
    assert list(document) == SweepConfig.key_names()
    assert document["budget"] == {
        "trials": 60,
        "time": 7200.0,
        "energy": "1800000.0 J",
        "co2e": "200.0 g",
        "cost": 5.0,
    }
    assert document["resources"]["memory"] == 4294967296


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "recorded configuration: is no JSON"),
        ("[" * 100_000, "recorded configuration: is no JSON"),
        ("[]", "recorded configuration: must be a mapping, got a list"),
    ],
    ids=["cut", "deep", "list"],
)
def test_a_broken_record_is_an_error(text: str, message: str) -> None:
    """A text that ``resolved_json`` never wrote is refused."""
    with pytest.raises(ConfigError) as caught:
        restore(text)
    assert caught.value.problems == (message,)


def test_a_record_of_another_version_is_an_error(tmp_path: Path) -> None:
    """A key that this version does not know is named."""
    document = json.loads(load_text(tmp_path, MINIMAL).resolved_json())
    document["budgt"] = {}
    with pytest.raises(ConfigError, match=r"^recorded configuration: budgt: is not a key"):
        restore(json.dumps(document))


@pytest.mark.parametrize(
    "change",
    [
        "name: other",
        "description: more words",
        "budget: {trials: 3, energy: 1 J}",
        "trial: {retries: 0, timeout: 1h}",
        "resources: {cpus: 2}",
        "ray: {address: auto}",
        "energy: {region: FR}",
        "cache: {mode: ro, url: 'sqlite:///x.db'}",
    ],
)
def test_what_changes_no_result_is_no_decision(tmp_path: Path, change: str) -> None:
    """Keys about where, how long and how dear leave the decisions alone."""
    plain = load_text(tmp_path, MINIMAL).decisions()
    assert load_text(tmp_path, f"{MINIMAL}{change}\n").decisions() == plain


@pytest.mark.parametrize(
    "override",
    [
        "objective=other.py:train",
        "method=random",
        "metric.goal=maximize",
        "metric.take=best",
        "metric.target=0.1",
        "parameters.lr.max=2.0",
        "parameters.wd={value: 0}",
        "early_terminate=median",
        "max_steps=3",
        "seed=1",
        "sampler={type: tpe, n_startup_trials: 3}",
        "trial.seed=1",
        "cache.namespace=other",
        "cache.salt=other",
        "cache.data=[a.csv]",
        "cache.code.policy=tree",
        "cache.ignore=[lr]",
    ],
)
def test_what_changes_a_result_is_a_decision(tmp_path: Path, override: str) -> None:
    """Every key that can change a proposal or a result changes the decisions."""
    plain = load_text(tmp_path, MINIMAL).decisions()
    changed = load_text(tmp_path, MINIMAL, override).decisions()
    assert changed != plain
    assert json.loads(json.dumps(changed)) == changed


def test_moved_lines_decide_the_same(tmp_path: Path) -> None:
    """The order of keys and parameters in the file decides nothing."""
    one = HEAD + "parameters: {a: {value: 1}, b: {value: 2}}\nseed: 3\n"
    other = "seed: 3\nparameters: {b: {value: 2}, a: {value: 1}}\n" + HEAD
    assert json.dumps(load_text(tmp_path, one).decisions()) == json.dumps(
        load_text(tmp_path, other).decisions()
    )


@pytest.mark.parametrize(
    ("key_path", "where"),
    [
        ("energy.region", "sweep.yaml:7: energy.region"),
        ("energy.pue", "sweep.yaml:6: energy.pue"),
        ("parameters.a.b.max", "sweep.yaml:5: parameters.a.b.max"),
        ("cache.url", "sweep.yaml:1: cache.url"),
        ("budget.trials", "override budget.trials=3: budget.trials"),
    ],
)
def test_later_problems_find_their_line(tmp_path: Path, key_path: str, where: str) -> None:
    """An error that shows after loading points to the key, or to the nearest one above it."""
    text = HEAD + "parameters:\n  a.b: {min: 1, max: 2}\nenergy:\n  region: XX\n"
    loaded = load_text(tmp_path, text, "budget.trials=3")
    assert loaded.problem(key_path, "is unknown").problems == (f"{where}: is unknown",)


def test_values_cannot_be_changed(tmp_path: Path) -> None:
    """A configuration is frozen."""
    config = load_text(tmp_path, MINIMAL).config
    with pytest.raises(ValueError, match="frozen"):
        config.seed = 1


def test_a_path_object_and_its_folder_name_the_sweep(tmp_path: Path) -> None:
    """The name defaults to that of the file, wherever it stands; errors name it as given."""
    file = tmp_path / "my sweep.v2.yaml"
    file.write_text(MINIMAL)
    assert load(file).config.name == "my sweep.v2"
    file.write_text("seed: 1: 2")
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert caught.value.problems[0].startswith(f"{file}:1: column 8: ")


def test_the_room_loads_no_other_heavy_library() -> None:
    """Reading a sweep file needs neither the search nor the workers nor the store."""
    code = (
        "import sys, sweeper.config.load; "
        "print(*{'optuna', 'ray', 'sqlalchemy', 'rich', 'click'} & sys.modules.keys())"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert printed.stdout.strip() == b""


def test_sections_can_be_made_in_code() -> None:
    """A configuration is also made from a mapping as it would stand in the file."""
    config = SweepConfig.model_validate(
        {
            "name": "n",
            "objective": "a:b",
            "method": "random",
            "metric": Metric("loss", Direction.MINIMIZE),
            "parameters": {"lr": {"min": 0.1, "max": 1}},
            "early_terminate": Asha(),
        }
    )
    assert (config.metric.name, config.early_terminate) == ("loss", Asha())
    assert config.sampler == Sampler(type=SamplerType.RANDOM)
    assert config.cache == Cache()
