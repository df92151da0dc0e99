from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sweeper.config.caching import CacheMode, Code, CodePolicy, DataVersion
from sweeper.config.energy import Energy, Idle
from sweeper.config.load import load
from sweeper.config.models import Method
from sweeper.config.samplers import Nsga2, Tpe
from sweeper.config.sections import Budget, Ray, Resources, Trial
from sweeper.config.stopping import Asha, Hyperband, Patience
from sweeper.errors import ConfigError
from sweeper.expression import Expression
from sweeper.model import Direction, Goals, Impute, Metric, OutputRule, OutputStyle, Take
from tests.config.sweeps import (
    COMPLETE,
    HEAD,
    MINIMAL,
    PROGRAM,
    errors_of,
    load_text,
    warnings_of,
)


def test_a_complete_file_becomes_plain_values(tmp_path: Path) -> None:
    """Every section arrives, in the units of the field names, without a warning."""
    loaded = load_text(tmp_path, COMPLETE)
    config = loaded.config
    assert loaded.warnings == ()
    assert loaded.path == Path("sweep.yaml")
    assert (config.name, config.description) == ("digits-mlp", "How small can it be?")
    assert (config.objective, config.method) == ("examples/digits_mlp.py:train", Method.BAYES)
    metric = Metric("val_accuracy", Direction.MAXIMIZE, 0.99, Take.BEST)
    constraint = Expression("latency_ms <= 20")
    assert config.goals == Goals((metric,), ("val_accuracy", "latency_ms"), (constraint,))
    assert config.point_constraints == (Expression("hidden * layers <= 512"),)
    assert config.enqueue == ({"hidden": 64, "layers": 2},)
    assert (config.program, config.command, config.stdout) == (None, None, OutputRule())
    assert config.early_terminate == Hyperband(min_iter=3, eta=3.0)
    assert (config.max_steps, config.seed) == (30, 1)
    assert config.sampler is not None
    assert config.sampler.options == {"n_startup_trials": 8, "multivariate": True}
    budget, trial, resources = config.budget, config.trial, config.resources
    assert (budget.trials, budget.time_s, budget.energy_j) == (60, 7200.0, 1.8e6)
    assert (budget.co2e_g, budget.cost) == (200.0, 5.0)
    assert (trial.seed, trial.retries, trial.timeout_s, trial.replicates) == (7, 1, 1800.0, 2)
    assert trial.energy_j == 180_000.0
    assert (resources.cpus, resources.gpus) == (2.0, 0.5)
    assert (resources.memory_bytes, resources.workers) == (4 * 2**30, None)
    assert config.ray.address == "auto"
    energy, cache = config.energy, config.cache
    assert (energy.region, energy.carbon_intensity_g_per_kwh) == ("US-CA", 369.0)
    assert (energy.pue, energy.price_per_kwh, energy.currency) == (1.2, 0.15, "EUR")
    assert (energy.cloud_rate_per_gpu_h, energy.offset_price_per_t) == (2.5, 80.0)
    assert (energy.gpu_w, energy.gpu_idle_w) == (300.0, 70.0)
    assert (energy.idle, energy.mix) == (Idle.LEASE, None)
    assert (cache.url, cache.mode) == ("postgresql://store.lab/results", CacheMode.OFF)
    assert (cache.namespace, cache.salt, cache.ignore) == ("vision", "2", ("layers",))
    assert cache.data == ("data/*.csv", DataVersion(name="imagenet", version="2012-3"))
    code = Code(policy=CodePolicy.TREE, include=("*.py",), exclude=("scratch/*",))
    assert cache.code == code


def test_a_program_file_becomes_plain_values(tmp_path: Path) -> None:
    """A program, several metrics, nested and conditional parameters arrive without a warning."""
    loaded = load_text(tmp_path, PROGRAM)
    config = loaded.config
    assert loaded.warnings == ()
    assert (config.objective, config.program, config.method) == (None, "train.py", Method.CUSTOM)
    assert config.command is not None
    assert config.command[2:4] == ("${program}", "${args_json}")
    outcomes = tuple(map(Expression, ("`val/acc` >= 0.5", "latency_ms <= 20", "cost <= 5")))
    assert config.goals == Goals(
        metrics=(
            Metric("val/acc", Direction.MAXIMIZE, take=Take.LAST),
            Metric("energy_kwh", Direction.MINIMIZE, take=Take.LAST, impute=Impute.WORST),
        ),
        names=("val/acc", "energy_kwh", "latency_ms", "cost"),
        constraints=outcomes,
    )
    assert config.point_constraints == (Expression("svm.c <= 10 or kind == 'forest'"),)
    assert config.enqueue == (
        {"kind": "forest", "trees": 20},
        {"kind": "svm", "svm": {"c": 1.0, "kernel": "rbf"}},
    )
    then = Asha(eta=2.0)
    assert config.early_terminate == Patience(
        patience=3, min_delta=0.01, metric="val/acc", then=then
    )
    assert config.sampler == Nsga2(population_size=8, mutation_prob=0.2)
    assert config.sampler.options == {"population_size": 8, "mutation_prob": 0.2}
    assert (config.trial.replicates, config.trial.grace_s) == (3, 60.0)
    patterns = (r"(?P<step>\d+): (?P<latency_ms>.+) ms", r"(?P<name>[\w/]+)=(?P<value>\S+)")
    assert config.stdout == OutputRule(OutputStyle.PATTERN, patterns)


def test_a_minimal_file_gets_the_defaults(tmp_path: Path) -> None:
    """What the file does not say is what the documentation says."""
    config = load_text(tmp_path, MINIMAL).config
    assert (config.name, config.description, config.seed) == ("sweep", None, 0)
    assert config.goals == Goals.of(Metric("loss", Direction.MINIMIZE, None, Take.LAST))
    assert (config.point_constraints, config.enqueue, config.stdout) == ((), (), OutputRule())
    assert (config.early_terminate, config.max_steps) == (None, None)
    assert config.sampler == Tpe()
    assert config.budget == Budget()
    assert config.budget.model_dump() == dict.fromkeys(
        ("trials", "time_s", "energy_j", "co2e_g", "cost")
    )
    assert config.trial == Trial(seed=None, replicates=1, retries=2, timeout=None, grace=30.0)
    assert config.resources == Resources(cpus=1.0, gpus=None)
    assert (config.resources.memory_bytes, config.resources.workers) == (None, None)
    assert config.ray == Ray(address=None)
    assert config.energy == Energy(pue=None, currency="USD", idle=Idle.ACTIVE)
    said = config.energy.model_dump(exclude={"currency", "idle"})
    assert set(said.values()) == {None}
    assert (config.cache.mode, config.cache.namespace) == (CacheMode.READ_WRITE, "default")
    assert config.cache.code.policy is CodePolicy.IMPORTS


def test_a_section_without_a_value_is_an_absent_one(tmp_path: Path) -> None:
    """``budget:`` with nothing behind it, and ``null`` for a key, mean the default."""
    text = MINIMAL + "name:\nbudget:\nmax_steps: null\ntrial: {retries: ~, seed: 3}\n"
    config = load_text(tmp_path, text).config
    assert config.budget == Budget()
    assert config.trial == Trial(seed=3)
    assert config == load_text(tmp_path, MINIMAL + "trial: {seed: 3}").config


UNITS_J = "J, kJ, MJ, Wh, kWh, MWh"
KEYS = (
    "budget, cache, command, constraints, description, early_terminate, energy, enqueue, grid, "
    "max_steps, method, metric, metrics, name, objective, parameters, program, ray, resources, "
    "sampler, scheduler, seed, stdout, trial"
)
LAUNCH = (
    "W&B Launch starts it on W&B's service and has no meaning here; say what to train with "
    "objective:, program: or command:"
)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("budegt: {}", "budegt: is not a key of a sweep file; did you mean budget?"),
        ("xyz: 1", f"xyz: is not a key of a sweep file, which has: {KEYS}"),
        ('"a\\nb": 1', f'a\\nb: is not a key of a sweep file, which has: {KEYS}'),
        ("job: x", f"job: {LAUNCH}"),
        ("image_uri: x", f"image_uri: {LAUNCH}"),
        ("name: 42", 'name: must be text, got 42; quote it: "42"'),
        ("name: ''", "name: must not be empty"),
        ('name: "a\\nb"', "name: must be one line without control characters"),
        ("description: {a: 1}", "description: must be text, got a mapping"),
        ("max_steps: 0", "max_steps: must be at least 1, got 0"),
        ("max_steps: 3.0", "max_steps: must be a whole number, got 3.0"),
        ("max_steps: '3'", 'max_steps: must be a whole number, got "3"; write it without quotes'),
        ("seed: -1", "seed: must be at least 0, got -1"),
        ("seed: true", "seed: must be a whole number, got true"),
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
        ("trial: {replicates: 0}", "trial.replicates: must be at least 1, got 0"),
        ("trial: {grace: 0}", "trial.grace: must be finite and more than 0, got 0"),
        ("trial: {energy: 50}", f"trial.energy: needs a unit, got 50; units: {UNITS_J}"),
        ("trial: {energy: 0 Wh}", 'trial.energy: must be finite and more than 0, got "0 Wh"'),
        ("trial: {energy: 50 wh}", f'trial.energy: unit "wh" is not one of: {UNITS_J}; did you '
         "mean Wh?"),
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
        ("energy: {gpu_w: 0}", "energy.gpu_w: must be more than 0, got 0"),
        ("energy: {gpu_w: 300 W}", 'energy.gpu_w: must be a number, got "300 W"'),
        ("energy: {gpu_idle_w: -1}", "energy.gpu_idle_w: must be at least 0, got -1"),
        ("energy: {gpu_idle_w: 300, gpu_w: 300}", "energy.gpu_idle_w: must be less than gpu_w, "
         "300.0, got 300.0"),
        ("energy: {gpu_idel_w: 70}", "energy.gpu_idel_w: is not a key of energy; did you mean "
         "gpu_idle_w?"),
        ("energy: {idle: actve}", 'energy.idle: must be active or lease, got "actve"; did you '
         "mean active?"),
        ("energy: {cloud_rate: -2}", "energy.cloud_rate: must be at least 0, got -2"),
        ("energy: {offset_price: free}", 'energy.offset_price: must be a number, got "free"'),
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
        ("metric", "metric: {name: a, impute: mean}", 'metric.impute: must be worst, best or '
         'latest, got "mean"'),
        ("metric", "metric: {name: a, impute_while_running: true}", "metric.impute_while_running: "
         "must be false, latest, best or worst, got true"),
        ("metric", "metric: {name: a, method: bayes}", "metric.method: stands one level too deep; "
         "move it to the top level of the file"),
        ("method", "method: baes", 'method: must be grid, random, bayes or custom, got "baes"; did '
         "you mean bayes?"),
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
    """A file with nothing of it names all that is needed."""
    assert errors_of(tmp_path, "\nseed: 1\n") == [
        "sweep.yaml:2: does not say what to train; add objective: train.py:train (a Python "
        'function), program: train.py (a script), or command: [bash, train.sh, "${args}"]',
        "sweep.yaml:2: method: is required: grid, random, bayes or custom",
        "sweep.yaml:2: metric: is required: such as metric: {name: val_loss, goal: minimize}",
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
        "sweep.yaml:3: objective: stands beside program; keep one way to train",
        "sweep.yaml:5: sampler: has no meaning with method: grid, which counts its points; drop it",
        "sweep.yaml:9: parameters.lr.min: must be smaller than max, got min=0.1 max=0.01; swap "
        "them",
        "sweep.yaml:10: parameters.momentum: must be a mapping, got 0.9; write {value: 0.9}",
        'sweep.yaml:12: metric.goal: must be minimize or maximize, got "max"; did you mean '
        "maximize?",
        "sweep.yaml:17: metric: is given twice, first in line 11; keep one",
    ]


def test_a_password_is_not_repeated(tmp_path: Path) -> None:
    """The error about a password in a file does not show it."""
    for url in ("postgresql://me:hunter2@host/db", "postgresql://host/db?password=hunter2"):
        assert "hunter2" not in errors_of(tmp_path, f"{MINIMAL}cache: {{url: '{url}'}}")[0]


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("entity: me", "entity: is a W&B key that has no meaning here"),
        ("controller: {type: local}", "controller: is a W&B key that has no meaning here"),
        (
            "kind: sweep\nproject: p\napiVersion: v1",
            "kind: and project and apiVersion are W&B keys that have no meaning here",
        ),
    ],
)
def test_keys_of_wandbs_service_are_dropped_with_one_warning(
    tmp_path: Path, text: str, warning: str
) -> None:
    """What only W&B's service understands changes nothing and is said once."""
    assert load_text(tmp_path, MINIMAL + text).config == load_text(tmp_path, MINIMAL).config
    assert warnings_of(tmp_path, MINIMAL + text) == [f"sweep.yaml:6: {warning}"]


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("sampler: random", "sampler: random proposes the points, whatever method: bayes says"),
        ("budget: {time: 1:30}", "budget.time: 1:30 is read in base 60, as YAML 1.1 has it; write "
         "the number, or quote the text"),
    ],
)  # fmt: skip
def test_doubtful_values_are_kept_with_a_warning(tmp_path: Path, text: str, warning: str) -> None:
    """What can be run but was perhaps not meant is said once."""
    assert warnings_of(tmp_path, MINIMAL + text) == [f"sweep.yaml:6: {warning}"]


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
