"""What trainings of an objective cost, as far as the store knows: the ground of a forecast."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select

from sweeper.model import Key, RecordStatus
from sweeper.store.answers import eligible
from sweeper.store.engine import Store
from sweeper.store.key import section_digest
from sweeper.store.schema import config, record

__all__ = ["Cost", "recorded_costs"]

_COUNTED = (RecordStatus.COMPLETE, RecordStatus.PRUNED)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one training took.

    Attributes:
        status: Whether it was trained to its end.
        steps: The last step that it reported.
        energy_j: Joules; None: unknown.
        source: Where the joules came from.
        elapsed_s: Seconds of training.
        same_horizon: It was planned for as many steps as is asked.
        same_code: Its code was what it is now.
    """

    status: RecordStatus
    steps: int
    energy_j: float | None
    source: str
    elapsed_s: float
    same_horizon: bool
    same_code: bool


def recorded_costs(store: Store, key: Key, limit: int = 10_000) -> tuple[Cost, ...]:
    """Return what trainings of the same objective in the same namespace cost, newest first.

    Complete and pruned ones count, of any parameters, unless they are tainted or revoked. Their
    checksums are not verified: a forecast is no answer, and whole curves would have to be read.

    Args:
        store: Open.
        key: Of any trial of the sweep.
        limit: How many are enough.

    Raises:
        CacheError: When the store cannot be read.
    """
    digests = {name: section_digest(name, text).hex() for name, text in key.sections}
    newest = (
        select(
            record.c.status,
            record.c.steps_done,
            record.c.energy_j,
            record.c.energy,
            record.c.elapsed_s,
            (config.c.horizon_h == digests["horizon"]).label("same_horizon"),
            (config.c.code_h == digests["code"]).label("same_code"),
        )
        .join(config, config.c.config_key == record.c.config_key)
        .where(
            config.c.namespace_h == digests["namespace"],
            config.c.objective_h == digests["objective"],
            record.c.status.in_([status.value for status in _COUNTED]),
            eligible(),
        )
        .order_by(record.c.seq.desc())
        .limit(limit)
    )
    with store.read() as connection:
        costs = [_cost(row) for row in connection.execute(newest)]
    return tuple(cost for cost in costs if cost is not None)


def _cost(row: Row[Any]) -> Cost | None:
    """Read what one training cost; None: its record is damaged."""
    try:
        return Cost(
            status=RecordStatus(row.status),
            steps=row.steps_done,
            energy_j=None if row.energy_j is None else float(row.energy_j),
            source=json.loads(row.energy)["source"],
            elapsed_s=float(row.elapsed_s),
            same_horizon=row.same_horizon,
            same_code=row.same_code,
        )
    except (ValueError, TypeError, KeyError):
        return None
