"""With what software, on what commit and hardware the results of a sweep were trained.

Owns: this look into a sweep's own records. Writes nothing; what is damaged is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select

from sweeper.model import Source, Value
from sweeper.store.connection import Store
from sweeper.store.key_text import NotAKeyText, decode
from sweeper.store.schema import component, config, record, trial

__all__ = ["TrainedWith", "trained_with"]


@dataclass(frozen=True, slots=True)
class TrainedWith:
    """What a sweep's own records say of how they were made; empty: nothing is known.

    Attributes:
        sweeper: Versions of sweeper.
        python: Minor versions of Python.
        packages: Versions of each package that the code imports, by name.
        commits: Commits of the project, 40 hex digits.
        edited: Files of the project that had been edited since.
        hardware: As in ``Record.hw``, each kind once.
    """

    sweeper: tuple[str, ...] = ()
    python: tuple[str, ...] = ()
    packages: Mapping[str, tuple[str, ...]] | None = None
    commits: tuple[str, ...] = ()
    edited: tuple[str, ...] = ()
    hardware: tuple[Mapping[str, Value], ...] = ()


def trained_with(store: Store, sweep: UUID) -> TrainedWith:
    """Read what the results that a sweep trained itself say of how they were made.

    Raises:
        CacheError: When the store cannot be read.
    """
    own = (trial.c.sweep_uid == sweep) & (trial.c.source == Source.RUN.value)
    records = (
        select(record.c.prov, record.c.hw)
        .join(trial, trial.c.record_uid == record.c.uid)
        .where(own)
        .order_by(record.c.seq)
    )
    environments = (
        select(component.c.doc)
        .join(config, config.c.env_h == component.c.digest)
        .join(trial, trial.c.config_key == config.c.config_key)
        .where(own)
        .distinct()
    )
    with store.read() as connection:
        rows = connection.execute(records).all()
        docs = [row.doc for row in connection.execute(environments)]
    said = [_mapping(row.prov) for row in rows]
    packages: dict[str, tuple[str, ...]] = {}
    for name, version in (pair for it in said for pair in _pairs(it.get("packages"))):
        packages[name] = _once((*packages.get(name, ()), version))
    edited = (name for it in said for name in (it.get("dirty") or ()) if isinstance(name, str))
    return TrainedWith(
        sweeper=_texts(it.get("sweeper") for it in said),
        python=_texts(_python(doc) for doc in docs),
        packages=dict(sorted(packages.items())),
        commits=_texts(it.get("commit") for it in said),
        edited=_once(edited),
        hardware=tuple(_mapping(text) for text in _once(row.hw for row in rows)),
    )


def _mapping(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _pairs(packages: Value) -> list[tuple[str, str]]:
    if not isinstance(packages, dict):
        return []
    return [(str(name), str(version)) for name, version in packages.items()]


def _python(doc: str) -> str | None:
    try:
        found = decode(doc)
    except NotAKeyText:
        return None
    version = found.get("python") if isinstance(found, dict) else None
    return version if isinstance(version, str) else None


def _texts(values: Iterable[Value]) -> tuple[str, ...]:
    return _once(value for value in values if isinstance(value, str) and value)


def _once(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))
