"""One parameter of a sweep file as a JSON Schema, for editors.

Owns: what an editor may know of the forms; what they mean is checked by ``read_space``. Imports
nothing but this room.
"""

from __future__ import annotations

from typing import Any

from sweeper.config.distributions import FORMS
from sweeper.config.laws import MODERN

_NUMBER = {"type": "number"}
_POSITIVE = {"type": "number", "exclusiveMinimum": 0}
_KEYS: dict[str, dict[str, Any]] = {
    "value": {"description": "Any value: null, a list and a mapping too."},
    "values": {"type": "array", "minItems": 1, "description": "One of these."},
    "probabilities": {
        "type": "array",
        "minItems": 1,
        "items": {"type": "number", "minimum": 0, "maximum": 1},
        "description": "One for each value; their sum is 1.",
    },
    "min": _NUMBER | {"description": "The smallest number."},
    "max": _NUMBER | {"description": "The largest number."},
    "q": _POSITIVE | {"default": 1.0, "description": "Values are multiples of it, of its type."},
    "mu": _NUMBER | {"default": 0.0, "description": "Mean."},
    "sigma": _POSITIVE | {"default": 1.0, "description": "Standard deviation."},
    "a": _POSITIVE | {"default": 1.0, "description": "First shape of the beta distribution."},
    "b": _POSITIVE | {"default": 1.0, "description": "Second shape of the beta distribution."},
}
_WHEN = {
    "type": "string",
    "description": "The parameter is there only when this holds, such as: optimizer == 'sgd'.",
}
_GROUP = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": {"$ref": "#/$defs/parameter"},
    "description": "A group: the program gets a mapping of their values.",
}
# Forms whose distribution need not be named; uniform stands for int_uniform too.
_INFERRED = ("constant", "categorical", "categorical_w_probabilities", "uniform")


def parameter_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of one parameter.

    Nested parameters refer to ``#/$defs/parameter``, which is where this belongs.
    """
    forms = [_form(name) for name in FORMS]
    inferred = [_object({key: _KEYS[key] for key in FORMS[it].keys}) for it in _INFERRED]
    return {
        "type": "object",
        "description": "What a parameter can be: value, values, min and max, or a distribution.",
        "anyOf": [*inferred, *forms, _object({"parameters": _GROUP})],
    }


def _form(name: str) -> dict[str, Any]:
    """Return the schema of a form whose distribution is named."""
    form = FORMS[name]
    keys = {key: _KEYS[key] for key in form.keys}
    if name == "int_uniform":
        keys |= {key: {**_KEYS[key], "type": "integer"} for key in ("min", "max")}
    if name.endswith("log_uniform_values"):
        keys["min"] = _KEYS["min"] | {"exclusiveMinimum": 0}
    if name in MODERN:
        exponent = "A natural logarithm of the bound."
        keys |= {key: {**_NUMBER, "description": exponent} for key in ("min", "max")}
    shape = _object({"distribution": {"const": name}, **keys}, optional=form.optional)
    return shape | ({"deprecated": True} if name in MODERN else {})


def _object(keys: dict[str, Any], optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the schema of a mapping with these keys, and maybe a condition."""
    return {
        "type": "object",
        "properties": {**keys, "when": _WHEN},
        "required": [key for key in keys if key not in optional],
        "additionalProperties": False,
    }
