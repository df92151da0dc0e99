"""The reference of the sweep file, written from its JSON Schema.

Owns: the page docs/configuration.md. What it says about a key stands at the key's model, once.
Imports pydantic through the schema: load lazily.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from sweeper.config.schema import Schema, sweep_file_schema
from sweeper.config.wandb import INERT, RENAMED, SAME

_INTRO = """\
# The sweep file

<!-- Written by scripts/configuration-reference from the models in sweeper/config. -->

A sweep file is YAML as W&B reads it, except that `1e-4` is a number. Any W&B sweep file is one;
"W&B" in the last column marks the keys that mean the same there. A key without a value counts as
absent. Every key can be overridden on the command line: `sweeper run sweep.yaml budget.trials=4`.
[configs/every-key.yaml](../configs/every-key.yaml) shows each key once; `sweeper schema` prints a
JSON Schema for editors.
"""
_OUTRO = """\
## Keys of W&B's service

{inert} are accepted and change nothing. `job` and `image_uri` (W&B Launch) are refused.

## Your own defaults

`${{XDG_CONFIG_HOME:-~/.config}}/sweeper/defaults.yaml` may hold `energy`, `ray`, `resources`,
`cache.url` and `cache.mode`: what changes no result. The sweep file wins over it, and the command
line over both; `null` takes a default back. Some keys of `energy` count as one, so that what one
file says is not mixed with what the other says: `region`, `carbon_intensity` and `mix`;
`price_per_kwh`, `cloud_rate`, `offset_price` and `currency`; `gpu_w` and `gpu_idle_w`.
"""
_PARAMETERS = """\
A mapping from names to forms. A form means what it means to W&B; without `distribution` the keys
tell it: two whole bounds are `int_uniform`, else `uniform`. A name may hold dots, and a group
(`parameters` within) reaches the objective as a mapping. Any form may have `when`."""
_HEAD = "| key | value | default | meaning | example | W&B |\n|---|---|---|---|---|---|"
_BOUNDS = {
    "minimum": ">=",
    "exclusiveMinimum": ">",
    "maximum": "<=",
    "exclusiveMaximum": "<",
}
_PLAIN = re.compile(r"[\w.][\w ./+*<=-]*|[\w./]+:[\w./]+")  # text that YAML needs no quotes for
_TYPES = {
    "integer": "whole number",
    "number": "number",
    "string": "text",
    "boolean": "true, false",
    "array": "list",
    "object": "mapping",
}
# Sections by the key that holds them; the others are explained below.
_MODELS = {
    "metric": "metric",
    "scheduler": "Scheduler",
    "grid": "Grid",
    "budget": "Budget",
    "trial": "Trial",
    "resources": "Resources",
    "ray": "Ray",
    "energy": "Energy",
    "cache": "Cache",
    "cache.code": "Code",
    "cache.data[]": "DataVersion",
}
_CHOICES = ("early_terminate", "sampler")
_TEXTS = {
    "command": "command",
    "constraints": "constraint",
    "enqueue": "enqueue",
    "stdout": "stdout",
}
# Definitions that are explained elsewhere than under their own names.
_ANCHORS = {
    **{model: key for key, model in _MODELS.items()},
    **{model: key for key, model in _TEXTS.items()},
    "rule_without_patience": "early_terminate",
}


def reference_markdown() -> str:
    """Return the reference page."""
    schema = sweep_file_schema()
    known = schema["$defs"]
    keys = {
        name: it
        for name, it in schema["properties"].items()
        if name not in (*INERT, *RENAMED.values())
    }
    parts = [_INTRO, f"## All keys\n\n{_table({**schema, 'properties': keys}, '', known)}"]
    parts.append(_parameters(known["parameter"]))
    parts += [f"## `{key}`\n\n{known[name]['description']}\n" for key, name in _TEXTS.items()]
    for key, model in _MODELS.items():
        about = known[model]["description"]
        parts.append(f"## `{key}`\n\n{about}\n\n{_table(known[model], f'{key}.', known)}")
    parts += [_choice(key, known) for key in _CHOICES]
    inert = ", ".join(f"`{key}`" for key in INERT)
    return "\n".join([*parts, _OUTRO.format(inert=inert)])


def _choice(key: str, known: Mapping[str, Schema]) -> str:
    """Write a section whose keys depend on its ``type``."""
    names, *models = known[key]["anyOf"]
    alone = ", ".join(f"`{name}`" for name in names["enum"])
    parts = [f"## `{key}`\n\nBy name alone: {alone}; or a mapping:\n"]
    for model in models:
        kind = model["properties"]["type"]["const"]
        if "description" in model:
            table = _table(model, f"{kind}.", known)
            parts.append(f"### `{key}: {{type: {kind}}}`\n\n{model['description']}\n\n{table}")
    return "\n".join(parts)


def _parameters(definition: Schema) -> str:
    """Write the forms of a parameter."""
    parts = [
        f"## `parameters`\n\n{_PARAMETERS}\n\n| distribution | needs | may have |\n|---|---|---|"
    ]
    said: dict[str, str] = {}
    for form in definition["anyOf"]:
        properties, required = dict(form["properties"]), form["required"]
        when = properties.pop("when")
        name = properties.pop("distribution", {}).get("const", "(by its keys)")
        needs = [f"`{key}`" for key in properties if key in required]
        may = [
            f"`{key}` ({_yaml(it['default'])})"
            for key, it in properties.items()
            if key not in required
        ]
        parts.append(f"| {name} | {', '.join(needs)} | {', '.join(may)} |")
        said |= {key: it["description"] for key, it in properties.items() if key not in said}
    said["when"] = when["description"]
    parts += ["", *(f"- `{key}`: {text}" for key, text in said.items())]
    return "\n".join(parts) + "\n"


def _table(model: Schema, prefix: str, known: Mapping[str, Schema]) -> str:
    """Write the keys of a mapping.

    Args:
        model: Its schema.
        prefix: What stands before its keys where they are listed elsewhere.
        known: The definitions by their names.
    """
    rows = [_HEAD]
    for key, property_ in model["properties"].items():
        place = f"{prefix}{key}"
        words = dict.fromkeys(_words(property_))
        cells = (
            f"`{key}`",
            ", ".join(words),
            _default(key, property_, model.get("required", ())),
            property_.get("description") or _section_text(property_, known),
            "".join(f"`{_yaml(it)}`" for it in property_.get("examples", ())[:1]),
            f"`{RENAMED[place]}`" if place in RENAMED else "W&B" if place in SAME else "",
        )
        rows.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
    return "\n".join(rows) + "\n"


def _section_text(property_: Schema, known: Mapping[str, Schema]) -> str:
    """Return what is said about the section that a key holds."""
    references = [one["$ref"] for one in property_.get("anyOf", [property_]) if "$ref" in one]
    return str(known[_name(references[0])].get("description", "")) if references else ""


def _name(reference: str) -> str:
    """Return the definition's name in a reference."""
    return reference.rpartition("/")[2]


def _default(key: str, property_: Schema, required: Any) -> str:
    """Write a default; what is required has none."""
    if key in required:
        return "required"
    return f"`{_yaml(property_['default'])}`" if "default" in property_ else ""


def _words(node: Schema) -> Iterator[str]:
    """Say what a value may be."""
    for one in node.get("anyOf", ()):
        yield from _words(one)
    if "$ref" in node:
        key = _ANCHORS.get(_name(node["$ref"]), _name(node["$ref"]))
        anchor = "".join(char for char in key if char.isalnum() or char == "_")
        yield f"[{key}](#{anchor})"
    if "const" in node:
        yield f"`{_yaml(node['const'])}`"
    yield from (f"`{_yaml(it)}`" for it in node.get("enum", ()))
    kind = node.get("type")
    if kind is None or kind == "null":
        return
    bounds = [f"{sign} {node[bound]}" for bound, sign in _BOUNDS.items() if bound in node]
    items = list(_words(node["items"])) if isinstance(node.get("items"), Mapping) else []
    of = f" of {' or '.join(items)}" if items else ""
    yield node.get("$comment") or " ".join([_TYPES[kind] + of, " and ".join(bounds)]).strip()


def _yaml(value: object) -> str:
    """Write a value as it may stand in a file."""
    if isinstance(value, str):
        return value if _PLAIN.fullmatch(value) else json.dumps(value)
    if isinstance(value, list):
        return f"[{', '.join(_yaml(it) for it in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_yaml(it)}' for key, it in value.items())}}}"
    return json.dumps(value)
