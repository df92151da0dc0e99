from __future__ import annotations

import json

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator

from sweeper.config.distributions import written_space
from sweeper.config.parameters import (
    parameter_schema,
)
from sweeper.model import (
    Parameter,
)
from tests.config.spaces import SPACES


@given(SPACES)
def test_written_spaces_are_of_the_schema(space: dict[str, Parameter]) -> None:
    """What an editor is told to accept holds every space that is written."""
    for raw in written_space(space).values():
        assert schema_errors(raw) == []


def schema_errors(raw: object) -> list[str]:
    """Return what the JSON Schema of a parameter says of one."""
    schema = {"$ref": "#/$defs/parameter", "$defs": {"parameter": parameter_schema()}}
    return [error.message for error in Draft202012Validator(schema).iter_errors(raw)]


def test_the_schema_is_one() -> None:
    """It is valid as a schema of its draft, and JSON."""
    Draft202012Validator.check_schema(json.loads(json.dumps(parameter_schema())))


@pytest.mark.parametrize(
    ("raw", "valid"),
    [
        ({"value": None}, True),
        ({"values": [1, "a"], "when": "x > 1"}, True),
        ({"values": [1, 2], "probabilities": [0.5, 0.5]}, True),
        ({"min": 1, "max": 2.5}, True),
        ({"distribution": "normal"}, True),
        ({"distribution": "log_uniform", "min": -5, "max": 0}, True),
        ({"parameters": {"a": {"parameters": {"b": {"value": 1}}}}}, True),
        (3, False),
        ({}, False),
        ({"value": 1, "values": [1]}, False),
        ({"values": 256}, False),
        ({"values": []}, False),
        ({"min": 1}, False),
        ({"min": "1", "max": 2}, False),
        ({"mu": 0, "sigma": 1}, False),
        ({"num_epochs": 10}, False),
        ({"distribution": "warp", "min": 0, "max": 1}, False),
        ({"distribution": "int_uniform", "min": 0, "max": 1.5}, False),
        ({"distribution": "log_uniform_values", "min": 0, "max": 1}, False),
        ({"distribution": "normal", "sigma": 0}, False),
        ({"distribution": "q_beta", "q": -1}, False),
        ({"distribution": "categorical", "values": [1], "probabilities": [1]}, False),
        ({"parameters": {}}, False),
        ({"parameters": {"a": {"parameters": {"b": {"values": 1}}}}}, False),
    ],
    ids=str,
)
def test_the_schema_knows_the_forms(raw: object, valid: bool) -> None:
    """An editor underlines what is no form, on every level."""
    assert (schema_errors(raw) == []) is valid
