from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hypothesis import given

from sweeper.config.distributions import written_space
from sweeper.model import (
    Conditional,
    Nested,
    Parameter,
)
from tests.config.spaces import SPACES, read


def in_order(space: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """Return a space with the names of every level sorted, as it is read."""
    return {name: _in_order(space[name]) for name in sorted(space)}


def _in_order(parameter: Any) -> Any:
    match parameter:
        case Conditional(when, inner):
            return Conditional(when, _in_order(inner))
        case Nested(parameters):
            return Nested(in_order(parameters))
        case _:
            return parameter


@given(SPACES)
def test_written_spaces_read_back(space: dict[str, Parameter]) -> None:
    """A space that was written reads as the same values of the same types, without a warning."""
    written = json.loads(json.dumps(written_space(space)))
    assert repr(read(written)) == repr(in_order(space))
