"""A configuration as YAML, for people to read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

__all__ = ["yaml_text"]


def yaml_text(document: Mapping[str, Any]) -> str:
    """Write a configuration; keys without a value are left out, values of parameters never."""
    parameters = {key: document[key] for key in ("parameters", "enqueue") if key in document}
    given = _given({**document, **dict.fromkeys(parameters)})
    ordered = {key: parameters.get(key) or given.get(key) for key in document}
    kept = {key: value for key, value in ordered.items() if value is not None}
    return yaml.safe_dump(kept, sort_keys=False, allow_unicode=True, width=100)


def _given(value: Any) -> Any:
    """Leave out keys whose value is nothing, level by level; an empty mapping is nothing, too."""
    if not isinstance(value, Mapping):
        return value
    inner = {key: _given(item) for key, item in value.items()}
    return {key: item for key, item in inner.items() if item not in (None, [], {})} or None
