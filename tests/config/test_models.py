from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sweeper.config.caching import Cache
from sweeper.config.load import restore
from sweeper.config.models import SweepConfig
from sweeper.config.samplers import Random
from sweeper.config.stopping import Asha
from sweeper.errors import ConfigError
from sweeper.expression import Expression
from sweeper.model import Direction, Metric, OutputRule
from tests.config.sweeps import COMPLETE, HEAD, MINIMAL, PROGRAM, load_text


@pytest.mark.parametrize(
    "text", [MINIMAL, COMPLETE, PROGRAM], ids=["minimal", "complete", "program"]
)
def test_a_resolved_configuration_reads_back(tmp_path: Path, text: str) -> None:
    """``restore`` gives the same configuration, and the text is itself a sweep file."""
    loaded = load_text(tmp_path, text)
    resolved = loaded.resolved_json()
    assert restore(resolved) == loaded.config
    assert restore(resolved).resolved_json() == resolved
    again = load_text(tmp_path, resolved)
    assert (again.config, again.warnings) == (loaded.config, ())


# For each key, what may stand behind it in a file with the parameters lr and g.depth.
CHOICES: dict[str, list[str]] = {
    "name": ["a name", "'7'"],
    "description": ["'two\\n\\nlines'", "ünï"],
    "trainee": ["objective: a.b:c", "program: a.py", "command: [a, '${args_dotted}', '']"],
    "method": ["grid", "random", "bayes", "custom\nscheduler: {engine: ax}"],
    "metric": ["metric: {name: a}", "metric: {name: a, goal: maximize, target: 1e-3, take: best}",
               "metrics: [{name: a, impute: best}, {name: co2e_g}]"],
    "constraints": ["[lr < 3]", "[g.depth + lr < 3, '`x/y` < 3', cost < 1]"],
    "early": ["none", "asha", "{type: patience, patience: 2, then: {type: median}}",
              "{type: hyperband, max_iter: 9, s: 2, strict: false}", "{type: threshold, lower: 0}"],
    "max_steps": ["1", "9"],
    "enqueue": ["[{lr: 1}]", "[{g.depth: 2}, {g: {depth: 3}, lr: 2}]"],
    "budget": ["{trials: 3}", "{time: 1h30m, energy: 0.3 kWh, co2e: 7 g, cost: 0.1}"],
    "trial": ["{seed: 0, replicates: 2}", "{timeout: 0.1, grace: 3, retries: 0, energy: 0.3 Wh}"],
    "resources": ["{gpus: 0.25, memory: 1 kB}", "{workers: auto, cpus: 0.5}"],
    "energy": ["{region: DEU, pue: 1.07}", "{carbon_intensity: 0.3 kg/kWh, currency: CHF}",
               "{mix: {coal: 33, gas: 66}, idle: lease, gpu_w: 3e2, gpu_idle_w: 70}"],
    "cache": ["{ignore: [g.depth], data: [a, {name: b, version: c}]}", "{mode: off, salt: é}"],
}  # fmt: skip


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.fixed_dictionaries(
        {key: st.sampled_from(CHOICES[key]) for key in ("trainee", "method", "metric")},
        optional={
            key: st.sampled_from(it)
            for key, it in CHOICES.items()
            if key not in ("trainee", "method", "metric", "early")
        },
    ),
    st.sampled_from(CHOICES["early"]),
)
def test_any_configuration_reads_back(tmp_path: Path, chosen: dict[str, str], rule: str) -> None:
    """Whatever keys a file has, its resolved form gives the same configuration and decisions."""
    bare = ("trainee", "metric")
    lines = [it if key in bare else f"{key}: {it}" for key, it in chosen.items()]
    if "scheduler" not in chosen["method"]:
        lines.append(f"early_terminate: {rule}")
    lines.append("parameters: {lr: {min: 1, max: 4}, g: {parameters: {depth: {values: [2, 3]}}}}")
    config = load_text(tmp_path, "\n".join(lines)).config
    resolved = config.resolved_json()
    assert restore(resolved) == config
    assert restore(resolved).resolved_json() == resolved
    assert restore(resolved).decisions() == config.decisions()


@pytest.mark.parametrize("method", ["random", "bayes"])
def test_records_of_the_first_version_are_read(method: str) -> None:
    """A sweep that was recorded before there were other samplers can still be shown."""
    options = ("n_startup_trials", "n_ei_candidates", "multivariate", "group", "constant_liar")
    kind = {"random": "random", "bayes": "tpe"}[method]
    document = {
        "name": "old",
        "description": None,
        "objective": "a.py:train",
        "method": method,
        "metric": {"name": "loss", "goal": "minimize", "target": None, "take": "last"},
        "parameters": {"q": {"distribution": "q_uniform", "min": 0.0, "max": 8.0, "q": 2}},
        "early_terminate": {"type": "median", "warmup_trials": 5, "min_iter": 0},
        "max_steps": 9,
        "sampler": {"type": kind, **dict.fromkeys(options)},
        "budget": {"trials": 3, "time": 7200.0, "energy": "1800000.0 J"},
        "trial": {"seed": None, "retries": 2, "timeout": 1800.0},
        "cache": {"mode": "off", "code": {"policy": "imports", "include": [], "exclude": []}},
    }
    config = restore(json.dumps(document))
    assert config.sampler is not None
    assert (config.sampler.type.value, config.sampler.options) == (kind, {})
    assert config.trial.timeout_s == 1800.0


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
        "trial: {retries: 0, timeout: 1h, grace: 5}",
        "resources: {cpus: 2}",
        "ray: {address: auto}",
        "energy: {region: FR, price_per_kwh: 3}",
        "energy: {gpu_w: 300, gpu_idle_w: 70, idle: lease}",
        "energy: {mix: {wind: 1}, cloud_rate: 2, offset_price: 80}",
        "scheduler: {engine: wandb}",
        "sampler: tpe",
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
        "metric.impute=best",
        "constraints=[lr < 0.5]",
        "constraints=[latency < 0.5]",
        "enqueue=[{lr: 0.5}]",
        "trial.replicates=2",
        "parameters.lr.max=2.0",
        "parameters.wd={value: 0}",
        "early_terminate=median",
        "max_steps=3",
        "seed=1",
        "sampler={type: tpe, n_startup_trials: 3}",
        "trial.seed=1",
        "trial.energy=50 Wh",
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


@pytest.mark.parametrize(
    "override", ["program=other.py", "command=[sh, a.sh]", "stdout=json", "metric.take=last"]
)
def test_what_changes_a_programs_result_is_a_decision(tmp_path: Path, override: str) -> None:
    """How a program is started, and how its metrics are read, decide results."""
    text = MINIMAL.replace("objective: train.py:train", "program: train.py")
    plain = load_text(tmp_path, text).decisions()
    assert load_text(tmp_path, text, override).decisions() != plain


@pytest.mark.parametrize(
    ("metric", "constraint", "counts"),
    [
        ("loss", "energy_kwh < 1", False),
        ("energy_j", "lr < 1", False),
        ("cost", "lr < 1", True),
        ("loss", "co2e_g < 1", True),
    ],
)
def test_energy_decides_where_grams_or_money_do(
    tmp_path: Path, metric: str, constraint: str, counts: bool
) -> None:
    """The energy section is a decision exactly when a metric or constraint is derived from it."""
    text = MINIMAL.replace("{name: loss}", f"{{name: {metric}}}") + f"constraints: [{constraint}]"
    plain = load_text(tmp_path, text).decisions()
    dearer = load_text(tmp_path, text, "energy.price_per_kwh=1").decisions()
    assert ("energy" in plain, plain != dearer) == (counts, counts)


def test_a_sweep_without_a_limit_per_trial_is_what_it_was(tmp_path: Path) -> None:
    """Recorded sweeps go on: their decisions have no key that came later and is not given."""
    decisions = load_text(tmp_path, MINIMAL).decisions()
    assert decisions["trial"] == {"seed": None, "replicates": 1}
    limited = load_text(tmp_path, MINIMAL, "trial.energy=2 kJ").decisions()
    assert limited["trial"] == {"seed": None, "replicates": 1, "energy": "2000.0 J"}


def test_moved_lines_decide_the_same(tmp_path: Path) -> None:
    """The order of keys and parameters in the file decides nothing."""
    one = HEAD + "parameters: {a: {value: 1}, b: {value: 2}}\nseed: 3\n"
    other = "seed: 3\nparameters: {b: {value: 2}, a: {value: 1}}\n" + HEAD
    assert json.dumps(load_text(tmp_path, one).decisions()) == json.dumps(
        load_text(tmp_path, other).decisions()
    )


def test_sections_can_be_made_in_code() -> None:
    """A configuration is also made from a mapping as it would stand in the file."""
    config = SweepConfig.model_validate(
        {
            "name": "n",
            "objective": "a:b",
            "method": "random",
            "metric": Metric("loss", Direction.MINIMIZE),
            "constraints": [Expression("lr < 0.5")],
            "parameters": {"lr": {"min": 0.1, "max": 1}},
            "early_terminate": Asha(),
            "stdout": OutputRule(),
            "sampler": Random(),
        }
    )
    assert (config.goals.first.name, config.early_terminate) == ("loss", Asha())
    assert (config.sampler, config.stdout) == (Random(), OutputRule())
    assert config.cache == Cache()


def test_values_cannot_be_changed(tmp_path: Path) -> None:
    """A configuration is frozen."""
    config = load_text(tmp_path, MINIMAL).config
    with pytest.raises(ValueError, match="frozen"):
        config.seed = 1
