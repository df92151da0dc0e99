"""Sweep file in, configuration out: the entrance of this room.

Owns: the order of reading, overriding and validating, and that all errors are raised at once.
Imports pydantic and yaml through this room: load it lazily.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from sweeper.config.defaults import fill_in, read_defaults
from sweeper.config.models import SweepConfig
from sweeper.config.overrides import apply_overrides, settle_run_cap
from sweeper.config.problems import Problem, Several, kind
from sweeper.config.source import Source
from sweeper.config.translate import problems_of
from sweeper.config.wandb import without_inert_keys
from sweeper.config.yaml_file import decoded, read_bytes, read_text
from sweeper.config.yaml_nodes import Document
from sweeper.errors import ConfigError


@dataclass(frozen=True, slots=True)
class LoadedSweep:
    """A valid sweep file.

    Attributes:
        config: The configuration.
        warnings: One finished line each: read, but perhaps not as it was meant.
        path: The file as it was named.
    """

    config: SweepConfig
    warnings: tuple[str, ...]
    path: FilePath
    _source: Source = field(repr=False)

    def problem(self, key_path: str, what: str) -> ConfigError:
        """Make an error about a key, for what turns out to be wrong only after loading.

        Args:
            key_path: As typed in the file, dotted; the line is that of the nearest key above it
                that is there.
            what: The rule, what was given, the cure.
        """
        problem = Problem(self._source.path_of(key_path), what)
        return ConfigError(self._source.line(problem, key_path))

    def decisions(self) -> dict[str, Any]:
        """Return what decides proposals or results (``SweepConfig.decisions``)."""
        return self.config.decisions()

    def resolved_json(self) -> str:
        """Return the whole configuration as JSON (``SweepConfig.resolved_json``)."""
        return self.config.resolved_json()


def load(
    path: str | PathLike[str],
    overrides: Sequence[str] = (),
    env: Mapping[str, str] = os.environ,
) -> LoadedSweep:
    """Read a sweep file.

    Args:
        path: The file.
        overrides: ``key.path=value`` each; the value is YAML, as in the file.
        env: Says where the user's own defaults are, which fill in what the file leaves open.

    Raises:
        ConfigError: With everything that is wrong: the file's sorted by line, then that of the
            overrides, then that of the defaults.
    """
    file = FilePath(path)
    source = Source(str(path))
    try:
        document = read_text(decoded(read_bytes(file)))
        data = _mapping(document)
    except Several as several:
        raise ConfigError(source.rendered(several.problems)) from several
    source.lines.update(document.lines)
    problems = [*document.problems, *settle_run_cap(data, source)]
    wrong, readings = apply_overrides(overrides, data, source)
    problems += wrong
    warnings = [it for it in (*document.readings, *readings) if it.path != ("cache", "mode")]
    warnings += without_inert_keys(data)
    defaults = read_defaults(env, SweepConfig.key_names())
    if not defaults.problems:
        fill_in(data, defaults, source)
    if data.get("name") is None:
        data["name"] = file.stem
    config, found = _validated(data, warnings)
    lines = [*source.rendered(problems + found), *defaults.source.rendered(defaults.problems)]
    if config is None or lines:
        raise ConfigError(lines)
    said = [*source.rendered(warnings), *defaults.source.rendered(defaults.warnings)]
    return LoadedSweep(config, tuple(said), file, source)


def restore(text: str) -> SweepConfig:
    """Read back what ``resolved_json`` wrote.

    Raises:
        ConfigError: If the text is no configuration of this version.
    """
    source = Source("recorded configuration", lines={(): 0})
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{source.label}: is no JSON") from error
    if not isinstance(data, dict):
        raise ConfigError(f"{source.label}: must be a mapping, got {kind(data)}")
    config, problems = _validated(data, [])
    if config is None:
        raise ConfigError(source.rendered(problems))
    return config


def recalled(text: str, changes: Mapping[str, Any], label: str) -> LoadedSweep:
    """Read back what ``resolved_json`` wrote as a sweep that can run, with some keys changed.

    Args:
        text: The recorded configuration.
        changes: Top-level keys and what they are now.
        label: What error messages call it.

    Raises:
        ConfigError: If it is no configuration of this version.
    """
    data = {**restore(text).document(), **changes}
    source = Source(label, lines={(): 0})
    config, problems = _validated(data, [])
    if config is None:
        raise ConfigError(source.rendered(problems))
    return LoadedSweep(config, (), FilePath(label), source)


def _mapping(document: Document) -> dict[str, Any]:
    """Return the document if it is a mapping."""
    if isinstance(document.data, dict):
        return document.data
    what = "a sweep file is a mapping of keys such as method and parameters"
    what = f"{what}, got {kind(document.data)}"
    raise Several([Problem((), what, line=document.lines[()])])


def _validated(
    data: Mapping[str, Any], warnings: list[Problem]
) -> tuple[SweepConfig | None, list[Problem]]:
    """Validate; return the configuration, or what is wrong with it."""
    try:
        return SweepConfig.model_validate(data, context=warnings), []
    except ValidationError as error:
        return None, problems_of(error, data)
