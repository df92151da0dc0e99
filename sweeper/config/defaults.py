"""The user's own defaults: where the machine is and what its power costs, said once for all sweeps.

Owns: where that file is, which keys it may hold, and how it fills in what a sweep file leaves open.
It may hold only what changes no result. Imports only this room.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from sweeper.config.problems import Path, Problem, Several, kind, not_a_key
from sweeper.config.source import Source
from sweeper.config.yaml_file import decoded, read_bytes, read_text

# Sections that the file may hold, and of which of them only some keys.
_SECTIONS: Mapping[str, tuple[str, ...] | None] = {
    "energy": None,
    "ray": None,
    "resources": None,
    "cache": ("url", "mode"),
}
# Keys that say one thing together: whoever says one of them has said all of it.
_TOGETHER = (
    {("energy", key) for key in ("region", "carbon_intensity", "mix")},
    {("energy", key) for key in ("price_per_kwh", "cloud_rate", "offset_price", "currency")},
    {("energy", key) for key in ("gpu_w", "gpu_idle_w")},
)


@dataclass(frozen=True, slots=True)
class Defaults:
    """What the user's own file says.

    Attributes:
        data: Its sections.
        source: Its lines.
        problems: What is wrong with it.
        warnings: How YAML 1.1 read what looks otherwise.
    """

    data: Mapping[str, Any]
    source: Source
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


def defaults_file(env: Mapping[str, str]) -> FilePath:
    """Return where the user's defaults are: ``$XDG_CONFIG_HOME/sweeper/defaults.yaml``.

    Source: the XDG base directory specification, which also says to ignore relative values.
    """
    base = FilePath(env.get("XDG_CONFIG_HOME", ""))
    if not base.is_absolute():
        home = FilePath(env["HOME"]) if env.get("HOME") else FilePath.home()
        base = home / ".config"
    return base / "sweeper" / "defaults.yaml"


def read_defaults(env: Mapping[str, str], known_keys: list[str]) -> Defaults:
    """Read the user's defaults; a file that is not there, or empty, says nothing.

    Args:
        env: The environment.
        known_keys: The keys of a sweep file.
    """
    file = defaults_file(env)
    source = Source(str(file))
    try:
        if not file.exists():
            return Defaults({}, source)
        text = decoded(read_bytes(file))
        if all(not line.strip() or line.lstrip().startswith("#") for line in text.splitlines()):
            return Defaults({}, source)
        document = read_text(text)
    except Several as several:
        return Defaults({}, source, several.problems)
    source.lines.update(document.lines)
    if not isinstance(document.data, dict):
        what = f"must be a mapping of {', '.join(_SECTIONS)}, got {kind(document.data)}"
        return Defaults({}, source, (Problem((), what, line=document.lines[()]),))
    problems = [*document.problems, *_foreign(document.data, known_keys)]
    warnings = tuple(it for it in document.readings if it.path != ("cache", "mode"))
    return Defaults(document.data, source, tuple(problems), warnings)


def _foreign(data: Mapping[str, Any], known_keys: list[str]) -> list[Problem]:
    """Say which keys the file must not hold."""
    refused = "may change results and so belongs in the sweep file"
    problems = []
    for key, section in data.items():
        if key not in _SECTIONS:
            what = refused if key in known_keys else not_a_key(key, "defaults", list(_SECTIONS))
            problems.append(Problem((key,), what))
            continue
        allowed = _SECTIONS[key]
        if section is not None and not isinstance(section, dict):
            problems.append(Problem((key,), f"must be a mapping, got {kind(section)}"))
        elif section and allowed is not None:
            wrong = [inner for inner in section if inner not in allowed]
            what = f"{refused}; of {key} there is only: {', '.join(allowed)}"
            problems += [Problem((key, inner), what) for inner in wrong]
    return problems


def fill_in(data: dict[str, Any], defaults: Defaults, source: Source) -> None:
    """Fill in what the sweep file and the overrides leave open.

    A key that they set to null is not open: that is how a default is taken back.

    Args:
        data: The document, with overrides; changed in place.
        defaults: The user's, without problems.
        source: Learns which places came from there.
    """
    source.below = defaults.source
    for name, section in defaults.data.items():
        if data.get(name) is None:
            data[name] = {}
        own = data[name]
        if not isinstance(own, dict):
            continue
        said = {(name, key) for key in own}
        for key, value in (section or {}).items():
            path: Path = (name, key)
            group = next((it for it in _TOGETHER if path in it), {path})
            if not group & said:
                own[key] = value
                source.filled.add(path)
