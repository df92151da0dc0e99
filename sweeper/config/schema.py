"""The sweep file as a JSON Schema, with which editors complete, explain and underline.

Owns: how the models become a schema (JSON Schema draft 2020-12) and what of the rules between keys
it can say. It lets pass what only a look at the whole file can refuse. Imports pydantic: load
lazily.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic.json_schema import models_json_schema

from sweeper.config.goals import MetricKeys
from sweeper.config.models import SweepConfig
from sweeper.config.output import STYLES
from sweeper.config.parameters import parameter_schema
from sweeper.config.programs import MACROS
from sweeper.config.samplers import SAMPLERS
from sweeper.config.section import DEFINITION, Section
from sweeper.config.stopping import NEEDY, RULES
from sweeper.config.wandb import INERT

Schema = dict[str, Any]

_TEMPLATE = "#/$defs/{model}"
_TEXT: Schema = {"type": "string", "minLength": 1}
_COMMAND = (
    "A list of text. Whole elements that are macros are replaced: "
    f"{', '.join(f'${{{it}}}' for it in MACROS)}; ${{envvar:NAME}} also inside a longer text."
)
_CONSTRAINT = (
    "Numbers, 'text', lists, + - * / // %, comparisons, in, and, or, not, abs, min, max. Names are "
    "dotted paths of parameters and metrics, in `backticks` if they are no plain word. Over "
    "parameters alone: such points are never proposed. With metrics: such trials are not feasible; "
    "a metric that is neither an objective nor built in must be reported by every trial."
)
_ENQUEUE = (
    "A list of mappings from parameters (nested, or as dotted paths) to values. Parameters that a "
    "point does not name are proposed."
)
_STDOUT = (
    "Only for programs. json: lines that are JSON objects; assignments: name=value; auto: either; "
    "none: metrics are not printed. A pattern is a regular expression (Python's) with named "
    "groups: metrics, or name and value, and maybe step."
)


def sweep_file_schema() -> Schema:
    """Return the JSON Schema of a sweep file, draft 2020-12."""
    models: list[type[Section]] = [SweepConfig, MetricKeys, *RULES.values(), *SAMPLERS.values()]
    _, raw = models_json_schema([(model, "validation") for model in models], ref_template=_TEMPLATE)
    written = raw["$defs"]
    plain = {name: _plain(definition, written) for name, definition in written.items()}
    whole = plain.pop("SweepConfig")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "sweeper sweep file",
        **whole,
        "description": "What a sweep searches, judges and may spend; see docs/configuration.md.",
        "properties": {**whole["properties"], **_wandb_keys()},
        "required": ["method", "parameters"],
        "allOf": _between_keys(),
        "$defs": {**_definitions(plain), **_sections(plain)},
    }


def _plain(node: Any, written: Mapping[str, Any]) -> Any:
    """Rewrite what pydantic wrote: enums in place, no titles, ``null`` wherever a key may be out.

    Args:
        node: A part of the schema.
        written: The definitions that it refers to.
    """
    if isinstance(node, list):
        return [_plain(item, written) for item in node]
    if not isinstance(node, dict):
        return node
    if DEFINITION in node:
        extra = {key: it for key, it in node.items() if key not in (DEFINITION, "title")}
        return {"$ref": _TEMPLATE.format(model=node[DEFINITION]), **_without_default(extra)}
    enum = written.get(node.get("$ref", "").removeprefix(_TEMPLATE.format(model="")), {})
    if "enum" in enum:
        rest = {key: it for key, it in node.items() if key != "$ref"}
        return _plain({"enum": enum["enum"], **rest}, written)
    rewritten = {
        key: _plain(it, written) for key, it in node.items() if key not in ("title", "properties")
    }
    if "properties" in node:
        rewritten["description"] = node.get("description", "").partition("\n\n")[0]
        required = node.get("required", ())
        rewritten["properties"] = {
            name: _plain(it, written) if name in required else _or_null(_plain(it, written))
            for name, it in node["properties"].items()
        }
    return _without_default(rewritten)


def _without_default(node: Schema) -> Schema:
    """Drop a default that says no more than that the key may be out."""
    if "default" in node and (node["default"] is None or isinstance(node["default"], dict)):
        return {key: it for key, it in node.items() if key != "default"}
    return node


def _or_null(node: Schema) -> Schema:
    """Allow ``null``, which stands for an absent key."""
    if {"type": "null"} in node.get("anyOf", ()):
        return node
    said: Schema = {key: node[key] for key in ("description", "default", "examples") if key in node}
    rest = {key: it for key, it in node.items() if key not in said}
    return {"anyOf": [rest, {"type": "null"}], **said}


def _definitions(plain: Mapping[str, Schema]) -> dict[str, Schema]:
    """Return the definitions that the models only name."""
    rules = {name: _with_type(plain[model.__name__]) for name, model in RULES.items()}
    inner = [rule for name, rule in rules.items() if name != "patience"]
    chosen = {name: _with_type(plain[model.__name__]) for name, model in SAMPLERS.items()}
    no_rule = {"type": "object", "properties": {"type": {"const": "none"}}, "required": ["type"]}
    alone = {"enum": [name for name in (*rules, "none") if name not in NEEDY]}
    return {
        "metric": plain["MetricKeys"],
        "parameters": {
            "type": "object",
            "minProperties": 1,
            "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_.-]*$"},
            "additionalProperties": {"$ref": _TEMPLATE.format(model="parameter")},
        },
        "parameter": parameter_schema(),
        "early_terminate": {"anyOf": [alone, *rules.values(), no_rule]},
        "rule_without_patience": {"anyOf": [alone, *inner, no_rule]},
        "sampler": {"anyOf": [{"enum": list(chosen)}, *chosen.values()]},
        **_lists(),
        "stdout": {"anyOf": [{"enum": list(STYLES)}, _patterns()], "description": _STDOUT},
    }


def _lists() -> dict[str, Schema]:
    """Return the definitions of lists, and of what stands in them."""
    macros = {"enum": [f"${{{macro}}}" for macro in MACROS]}
    variable = {"pattern": r"^\$\{envvar:[A-Z0-9_]+\}$"}
    text = {"not": {"pattern": r"^\$\{[^{}]*\}$"}}
    return {
        "constraint": {**_TEXT, "description": _CONSTRAINT},
        "command": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "string", "anyOf": [macros, variable, text]},
            "description": _COMMAND,
        },
        "enqueue": {
            "type": "array",
            "items": {"type": "object", "minProperties": 1},
            "description": _ENQUEUE,
        },
    }


def _patterns() -> Schema:
    """Return the definition of patterns, by which a program's output may be read."""
    several = {"type": "array", "minItems": 1, "items": _TEXT}
    return {
        "type": "object",
        "properties": {"pattern": {"anyOf": [_TEXT, several]}},
        "required": ["pattern"],
        "additionalProperties": False,
    }


def _with_type(model: Schema) -> Schema:
    """Require the key that says which rule or sampler it is."""
    kind = next(it for it in model["properties"]["type"]["anyOf"] if "const" in it)
    properties = {**model["properties"], "type": {"const": kind["const"]}}
    required = ["type", *model.get("required", ())]
    return {**model, "properties": properties, "required": required}


def _sections(plain: Mapping[str, Schema]) -> dict[str, Schema]:
    """Return the sections that others refer to by their own names."""
    placed = {model.__name__ for model in (MetricKeys, *RULES.values(), *SAMPLERS.values())}
    return {name: it for name, it in plain.items() if "properties" in it and name not in placed}


def _wandb_keys() -> dict[str, Schema]:
    """Return W&B's keys that no model has."""
    inert = {key: {"description": "W&B's; has no meaning here."} for key in INERT}
    cap = {"type": ["integer", "null"], "minimum": 1, "description": "W&B's budget.trials."}
    return {"run_cap": cap, **inert}


# W&B needs a metric only where it steers the search.
_UNSTEERED: Schema = {"properties": {"method": {"enum": ["grid", "random"]}}}


def _between_keys() -> list[Schema]:
    """Return the rules between top-level keys."""
    return [
        {"anyOf": [_given("objective"), _given("program"), _given("command")]},
        _not_both("objective", "program"),
        _not_both("objective", "command"),
        _not_both("metric", "metrics"),
        {"anyOf": [_given("metric"), _given("metrics"), _UNSTEERED]},
        _not_both("early_terminate", "scheduler"),
    ]


def _given(key: str) -> Schema:
    """Require a key with a value."""
    return {"required": [key], "properties": {key: {"not": {"type": "null"}}}}


def _not_both(one: str, other: str) -> Schema:
    """Forbid two keys with values."""
    return {"not": {"allOf": [_given(one), _given(other)]}}
