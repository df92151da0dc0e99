from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from sweeper.config.schema import sweep_file_schema
from sweeper.config.yaml_file import read_text
from tests.config.sweeps import COMPLETE, MINIMAL, PROGRAM, load_text

ROOT = Path(__file__).parent.parent.parent
SHIPPED = sorted([*(ROOT / "configs").glob("*.yaml"), *(ROOT / "examples").rglob("sweep*.yaml")])
WANDB = sorted((Path(__file__).parent / "wandb_files").glob("*.yaml"))
VALIDATOR = jsonschema.Draft202012Validator(sweep_file_schema())
GROUP = "parameters: {g: {parameters: {a: {values: [1, {x: null}], when: lr > 0.2}}}}"


def is_valid(text: str) -> bool:
    """Tell whether an editor would underline nothing in a sweep file."""
    return bool(VALIDATOR.is_valid(read_text(text).data))


def with_key(text: str) -> str:
    """Return the minimal sweep file with a key added, or put in the place of the same one."""
    key = text.partition(":")[0]
    kept = [it for it in MINIMAL.splitlines() if not it.startswith((f"{key}:", "  lr"))]
    parameters = [] if key == "parameters" else ["  lr: {min: 0.1, max: 1.0}"]
    return "\n".join([*kept, *parameters, text])


def test_the_schema_is_one() -> None:
    """It is valid JSON Schema of draft 2020-12, and plain JSON."""
    schema = sweep_file_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert json.loads(json.dumps(schema)) == schema
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def references(node: Any) -> set[str]:
    """Return every reference in a schema."""
    if isinstance(node, list):
        return {it for item in node for it in references(item)}
    if not isinstance(node, dict):
        return set()
    own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
    return own | {it for item in node.values() for it in references(item)}


def test_every_definition_is_there_and_used() -> None:
    """No reference leads nowhere, and nothing is defined in vain."""
    schema = sweep_file_schema()
    assert references(schema) == {f"#/$defs/{name}" for name in schema["$defs"]}


def test_every_key_is_explained() -> None:
    """Each key of a section says what it means, where it does not refer to what does."""
    schema = sweep_file_schema()
    mappings = [schema, *schema["$defs"].values()]
    for mapping in mappings:
        for key, it in mapping.get("properties", {}).items():
            refers = any("$ref" in one for one in it.get("anyOf", [it]))
            assert it.get("description") or refers, key


@pytest.mark.parametrize("file", [*SHIPPED, *WANDB], ids=lambda it: str(it.relative_to(ROOT)))
def test_what_the_project_ships_validates(file: Path) -> None:
    """Every sweep file in configs/ and examples/, and W&B's kinds of files, are valid."""
    document = read_text(file.read_text(encoding="utf-8")).data
    assert [error.message for error in VALIDATOR.iter_errors(document)] == []


@pytest.mark.parametrize("text", [COMPLETE, PROGRAM], ids=["complete", "program"])
def test_what_is_written_validates(tmp_path: Path, text: str) -> None:
    """A sweep file with every section, and its resolved form, are valid."""
    assert is_valid(text)
    assert VALIDATOR.is_valid(json.loads(load_text(tmp_path, text).resolved_json()))


@pytest.mark.parametrize(
    "text",
    [
        *("run_cap: 3", "entity: me", "kind: sweep", "budget:", "seed: null", "sampler: gp"),
        *("budget: {time: 1h30m, energy: 0.5 kWh, co2e: 2 kg}", "trial: {timeout: 90}"),
        *("resources: {workers: auto, memory: 4 GiB}", "cache: {mode: off}"),
        *("early_terminate: median", "early_terminate: {type: hyperband, max_iter: 9, s: 2}"),
        *("early_terminate: {type: patience, patience: 3, then: {type: asha, eta: 2}}", GROUP),
        *("metric: {name: a, impute_while_running: false}", "constraints: [lr < 3]"),
        *("enqueue: [{lr: 0.2}]", "cache: {data: [a.csv, {name: a, version: b}]}"),
        *("trial: {energy: 50 Wh}", "energy: {gpu_w: 300, gpu_idle_w: 0, idle: lease}"),
        *("energy: {mix: {coal: 25, gas: 75}}", "energy: {cloud_rate: 0, offset_price: 80}"),
    ],
)
def test_what_loads_validates(tmp_path: Path, text: str) -> None:
    """The schema underlines nothing that the reader takes."""
    load_text(tmp_path, with_key(text.replace("parameters: {g", "parameters: {lr: {value: 1}, g")))
    assert is_valid(with_key(text))


@pytest.mark.parametrize(
    "text",
    [
        *("budegt: {}", "objective: 3", "program: train.py", "method: baes", "max_steps: 0"),
        *("command: python train.py", "metric: {goal: minimize}", "metric: {name: a, goal: max}"),
        *("metrics: [{name: a}, {name: b}]", "seed: x", "seed: -1", "run_cap: 0"),
        *("budget: {energy: 500}", "budget: {time: 5 y}", "budget: {trails: 5}"),
        *("trial: {seed: 1.5}", "trial: {replicates: 0}", "resources: {workers: many}"),
        *("early_terminate: hyperband", "early_terminate: {min_iter: 3}"),
        *("early_terminate: {type: hyperband}", "early_terminate: {type: threshold, min_iter: 3}"),
        *("parameters: {a b: {value: 1}}", "early_terminate: {type: hyperband, max_iter: 9}"),
        *("early_terminate: {type: median, eta: 3}", "early_terminate: {type: patience}"),
        *("sampler: {type: random, group: true}", "sampler: tp", "sampler: {group: true}"),
        *("enqueue: {lr: 0.2}", "constraints: lr < 3", "constraints: [3]", "stdout: jsn"),
        *("parameters: {}", "parameters: {lr: 3}", "parameters: {lr: {value: 1, values: [2]}}"),
        *("cache: {mode: on}", "cache: {data: a.csv}", "energy: {currency: usd}", "ray: auto"),
        *("energy: {gpu_w: 0}", "energy: {idle: activ}", "energy: {mix: {cole: 1}}"),
        *("energy: {mix: {coal: -1}}", "energy: {cloud_rate: -1}", "trial: {energy: 50}"),
    ],
)
def test_typical_mistakes_are_underlined(text: str) -> None:
    """What an editor can see to be wrong is invalid."""
    assert not is_valid(with_key(text))


def test_something_to_train_and_to_judge_is_needed() -> None:
    """Without objective, program or command, and without metric or metrics, a file is invalid."""
    assert is_valid(MINIMAL)
    for key in ("objective", "metric", "method"):
        assert not is_valid("\n".join(it for it in MINIMAL.splitlines() if not it.startswith(key)))
