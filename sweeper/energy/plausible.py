"""Whether an energy counter can be right: it is held against the power readings beside it.

Owns: the rule (docs/energy.md, "Sources"). Arithmetic on what it is told; reads nothing itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

__all__ = ["ABOVE_LIMIT", "LIMIT_WINDOW_S", "CounterCheck", "Disagreement"]

# Above the limit by so much, over so long, is no measuring error: boards do so for milliseconds.
ABOVE_LIMIT, LIMIT_WINDOW_S = 1.2, 2.0
# Against polled power: so many times more or less, over so long. Instant power sees 25 ms of every
# 100 ms on some boards, so a load in step with it hides from it all but its troughs or peaks.
_BAND_OF_AVERAGE, _BAND_OF_INSTANT = 2.0, 4.0
_BAND_WINDOW_S, _LONGEST_WINDOW_S = 10.0, 60.0
# Below this a sensor's own offset is as large as what it measures.
_LEAST_W = 10.0
# Where nobody has measured the period in which the counter moves: that of recent boards.
_UPDATE_S = 0.1


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Two figures for the same time, of which the counter's cannot be right.

    Attributes:
        counter_w: Mean power by the counter.
        polled_w: Mean of the power that was read meanwhile; None: none was.
        limit_w: The power limit that the driver enforces; None: unknown.
    """

    counter_w: float
    polled_w: float | None
    limit_w: float | None


@dataclass
class _Window:
    """Samples since one of them, with the power or the limit that was read."""

    at_s: float
    used_j: float
    watts: list[float] = field(default_factory=list)


class CounterCheck:
    """Judges a counter by evenly spread samples; those of events would weigh busy times more.

    Args:
        averages: The power that it is told of is an average that sees all of the time.
    """

    def __init__(self, *, averages: bool) -> None:
        self._band = _BAND_OF_AVERAGE if averages else _BAND_OF_INSTANT
        self._short: _Window | None = None
        self._long: _Window | None = None

    def judge(
        self,
        now_s: float,
        used_j: float,
        power_w: float | None,
        *,
        limit_w: float | None,
        update_s: float | None,
    ) -> Disagreement | None:
        """Take a sample; return what is wrong with the counter, None: nothing so far.

        Args:
            now_s: The clock.
            used_j: Joules by the counter since any one time.
            power_w: Power as read now; None: it could not be.
            limit_w: The power limit; None: unknown.
            update_s: Period in which the counter moves; None: not measured.
        """
        slack_s = _UPDATE_S if update_s is None else update_s
        above = self._above_limit(now_s, used_j, limit_w, slack_s)
        outside = self._outside_band(now_s, used_j, power_w)
        worst = above or outside
        if worst is None:
            return None
        return Disagreement(worst[0], outside[1] if outside else power_w, limit_w)

    def _above_limit(
        self, now_s: float, used_j: float, limit_w: float | None, slack_s: float
    ) -> tuple[float, None] | None:
        window = self._short
        if window is None:
            window = self._short = _Window(now_s, used_j)
        if limit_w is not None:
            window.watts.append(limit_w)
        elapsed_s = now_s - window.at_s
        if elapsed_s < LIMIT_WINDOW_S:
            return None
        # The highest limit of the window: a driver that is too hot lowers it at once.
        most_w = max(window.watts, default=math.inf)
        self._short = _Window(now_s, used_j, [] if limit_w is None else [limit_w])
        grown_j = used_j - window.used_j
        # A window can hold one step more than belongs to it.
        if grown_j <= ABOVE_LIMIT * most_w * (elapsed_s + slack_s):
            return None
        return grown_j / elapsed_s, None

    def _outside_band(
        self, now_s: float, used_j: float, power_w: float | None
    ) -> tuple[float, float] | None:
        window = self._long
        if window is None or now_s - window.at_s >= _LONGEST_WINDOW_S:
            window = self._long = _Window(now_s, used_j)
        if power_w is not None:
            window.watts.append(power_w)
        elapsed_s = now_s - window.at_s
        if elapsed_s < _BAND_WINDOW_S or len(window.watts) < 0.9 * elapsed_s:
            return None
        counter_w = (used_j - window.used_j) / elapsed_s
        polled_w = math.fsum(window.watts) / len(window.watts)
        # Few samples of a power that swings say little about its mean.
        doubt_w = (max(window.watts) - min(window.watts)) / math.sqrt(len(window.watts))
        least_w, most_w = (polled_w - doubt_w) / self._band, (polled_w + doubt_w) * self._band
        if polled_w <= _LEAST_W or least_w <= counter_w <= most_w:
            return None
        return counter_w, polled_w
