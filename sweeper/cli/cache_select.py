"""How the verbs of ``sweeper cache`` are told which store and which records."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from sweeper.store.connection import Store
    from sweeper.store.listing import RecordFilter

__all__ = ["JSON", "STORE", "age_s", "selected", "selection"]

STORE = click.option("--store", metavar="URL", help="This store instead of the usual one.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")

_F = TypeVar("_F", bound=Callable[..., Any])
_AGE = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|m|h|d|w)")
_SECONDS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_STATUSES = ("complete", "pruned", "diverged", "oom", "error")


def selection(command: _F) -> _F:
    """Give a verb the options that choose records."""
    for option in reversed(
        (
            click.option("--who", metavar="USER", help="Trained by this user."),
            click.option("--host", metavar="NAME", help="Trained on this machine."),
            click.option("--status", type=click.Choice(_STATUSES), help="Ended so."),
            click.option("--since", metavar="AGE|DATE", help="Stored since: 7d, 12h, 2026-11-01."),
            click.option("--until", metavar="AGE|DATE", help="Stored before."),
            click.option("--config", metavar="KEY", help="Configuration key, or its beginning."),
            click.option("--code", metavar="DIGEST", help="Digest of the code, or its beginning."),
            click.option("--sweep", metavar="SWEEP", help="Trained by this sweep."),
        )
    ):
        command = option(command)
    return command


def selected(store: Store, given: Mapping[str, str | None]) -> RecordFilter:
    """Return the records that the options of ``selection`` choose."""
    from sweeper.model import RecordStatus
    from sweeper.places import user
    from sweeper.store.admin import find_sweep
    from sweeper.store.listing import RecordFilter

    sweep, status = given.get("sweep"), given.get("status")
    return RecordFilter(
        who=given.get("who"),
        host=given.get("host"),
        statuses=() if status is None else (RecordStatus(status),),
        since=_moment(given.get("since"), "--since"),
        until=_moment(given.get("until"), "--until"),
        config_key=given.get("config"),
        code=given.get("code"),
        sweep=None if sweep is None else find_sweep(store, sweep, who=store.who or user()),
    )


def age_s(text: str, option: str) -> float:
    """Read an age such as ``7d`` or ``12h``, in seconds."""
    found = _AGE.fullmatch(text.strip())
    if found is None:
        raise click.UsageError(f"{option}: {text!r} is no age; write 90d, 12h or 30min")
    return float(found[1]) * _SECONDS[found[2]]


def _moment(text: str | None, option: str) -> float | None:
    """Read an age before now or a date, as seconds since 1970 UTC."""
    if text is None:
        return None
    if _AGE.fullmatch(text.strip()):
        return time.time() - age_s(text, option)
    try:
        return datetime.fromisoformat(text).astimezone().timestamp()
    except ValueError as error:
        raise click.UsageError(
            f"{option}: {text!r} is neither an age (7d, 12h) nor a date (2026-11-01)"
        ) from error
