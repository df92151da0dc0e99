"""Asks an objective that trains nothing but knows: one that declares its joules.

Owns: how a recorded table or a simulator is asked in this process, without a pool. Anything else is
refused at its first report.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sweeper.errors import PoolError
from sweeper.model import Params
from sweeper.trial import Report, Trial
from sweeper.workers.bridge import Deliver, reports
from sweeper.workers.objective import ObjectiveSource, load
from sweeper.workers.seeding import Seeder
from sweeper.workers.worker import DECLARED

__all__ = ["Asker"]


class Asker:
    """Asks one objective, again and again.

    Args:
        source: What to ask.
        max_steps: The horizon; None: open.

    Raises:
        PoolError: If it cannot be loaded.
    """

    def __init__(self, source: ObjectiveSource, max_steps: int | None) -> None:
        self._entry = source.entry
        self._max_steps = max_steps
        with contextlib.redirect_stdout(io.StringIO()):
            self._objective: Callable[..., Any] = load(source)
        self._seeder = Seeder()
        self._folder = tempfile.TemporaryDirectory(prefix="sweeper-")

    def ask(self, params: Params, seed: int) -> list[Report]:
        """Return everything that it reports.

        Raises:
            PoolError: If it does not declare its joules, so that it seems to train for real, or if
                it raises.
        """

        def make_trial(deliver: Deliver) -> Trial:
            return Trial(
                params,
                number=0,
                seed=seed,
                max_steps=self._max_steps,
                dir=Path(self._folder.name),
                deliver=deliver,
            )

        self._seeder.seed(seed)
        found: list[Report] = []
        try:
            with (
                contextlib.redirect_stdout(io.StringIO()),
                contextlib.closing(reports(self._objective, make_trial)) as reported,
            ):
                for step, metrics in reported:
                    if DECLARED not in metrics:
                        raise PoolError(self._refusal())
                    found.append((step, metrics))
                    if self._max_steps is not None and step >= self._max_steps:
                        break
        except PoolError:
            raise
        except Exception as error:  # whatever a user's function raises
            what = f"{type(error).__name__}: {error}"
            raise PoolError(f"objective {self._entry}: failed with {what}") from error
        if not found:
            raise PoolError(f"objective {self._entry}: reported nothing")
        return found

    def _refusal(self) -> str:
        return (
            f"objective {self._entry} reports no {DECLARED}, so it seems to train for real; it was "
            "ended at its first report"
        )

    def close(self) -> None:
        """Remove its folder."""
        self._folder.cleanup()
