"""W&B's ``early_terminate: hyperband``. Must not import optuna."""

from __future__ import annotations

import bisect
from collections.abc import Iterator

from sweeper.model import GO_ON, Direction, TrialState, Verdict

__all__ = ["HyperbandRule", "bands_from_max", "bands_from_min"]

_BANDS = 100  # W&B looks at k = 0..99


def bands_from_min(min_iter: int, eta: float) -> tuple[int, ...]:
    """Return W&B's bands ``int(min_iter * eta**k)``, ascending, without repetition."""

    def grow() -> Iterator[int]:
        for k in range(_BANDS):
            band = min_iter * eta**k
            if band > 2**62:
                return
            yield int(band)

    return tuple(sorted(set(grow())))


def bands_from_max(max_iter: int, s: int, eta: float) -> tuple[int, ...]:
    """Return W&B's bands ``int(max_iter / eta**k)``, k = 1..s, without those below 1."""
    bands, band = set(), float(max_iter)
    for _ in range(s):
        band /= eta
        if band < 1:
            break
        bands.add(int(band))
    return tuple(sorted(bands))


class HyperbandRule:
    """Asynchronous halving with one bracket, as W&B's sweeps do it.

    A trial reaches a band with its first report at or after that step. At each report it is held,
    at the largest band it has reached, against the values of all trials that reached that band,
    ended ones included: it stops when it is worse than the best ``1/eta`` of them.

    Source: wandb/sweeps, ``hyperband_stopping.py``; the step is the reported one.

    Args:
        bands: Ascending steps.
        eta: Keep the best ``1/eta``.
        strict: Judge the value at the band; otherwise the best so far.
        direction: Which way the metric gets better.
    """

    def __init__(
        self, bands: tuple[int, ...], eta: float, *, strict: bool, direction: Direction
    ) -> None:
        self._bands = bands
        self._eta = eta
        self._strict = strict
        self._sign = 1.0 if direction is Direction.MINIMIZE else -1.0
        self._at_band: dict[int, dict[int, float]] = {band: {} for band in bands}
        self._ranked: dict[int, list[float]] = {band: [] for band in bands}
        self._best: dict[int, float] = {}

    def judge(self, number: int, step: int, value: float) -> Verdict:
        """Note the report and hold the trial against the others at its largest band."""
        loss = self._sign * value
        self._best[number] = min(loss, self._best.get(number, loss))
        reached = self._bands[: bisect.bisect_right(self._bands, step)]
        for band in reached:
            if number not in self._at_band[band]:
                self._at_band[band][number] = loss
                bisect.insort(self._ranked[band], loss)
        if not reached:
            return GO_ON
        band = reached[-1]
        ranked = self._ranked[band]
        threshold = ranked[int((1 / self._eta) * len(ranked))]
        judged = self._at_band[band][number] if self._strict else self._best[number]
        return Verdict(
            prune=judged > threshold,
            rule="hyperband",
            rung=band,
            value=self._sign * judged,
            threshold=self._sign * threshold,
        )

    def end(self, number: int, state: TrialState) -> None:
        """Keep what the trial reported: ended trials are compared with as well."""
