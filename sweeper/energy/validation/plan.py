"""How long each experiment takes: the protocol's numbers, and shorter ones."""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["FULL", "QUICK", "Plan"]


@dataclass(frozen=True, slots=True)
class Plan:
    """Durations and repeats of the experiments.

    Attributes:
        calls: V0: how often each call is asked.
        watch_s: V0: how long the sensors are watched for their steps.
        idle_s: V1: how long the idle board is watched.
        wave_s: V2: length of each square wave.
        wave_periods_s: V2: their periods.
        steady_s: V3: length of each steady load.
        steady_repeats: V3: how many.
        windows: V4: length in seconds and repeats.
        unit_s: V5: length of one unit of work.
        units: V5: how many of them are done in a row.
        share_s: V6: length of the longest load of a process.
        cost_s: V7: length of each run.
        cost_repeats: V7: how many of each kind, in turn.
        kill_s: V8: length of each part.
        limit_s: What would begin so late that it could not end before this is skipped.
    """

    calls: int = 200
    watch_s: float = 5.0
    idle_s: float = 30.0
    wave_s: float = 20.0
    wave_periods_s: tuple[float, ...] = (0.02, 0.05, 0.1, 0.11, 0.2, 1.0)
    steady_s: float = 30.0
    steady_repeats: int = 3
    windows: tuple[tuple[float, int], ...] = ((0.05, 20), (0.2, 20), (1.0, 20), (5.0, 5), (10.0, 5))
    unit_s: float = 2.0
    units: tuple[int, ...] = (1, 2, 4, 8)
    share_s: float = 4.0
    cost_s: float = 3.0
    cost_repeats: int = 3
    kill_s: float = 3.0
    limit_s: float = 590.0

    def scaled(self, scale: float) -> Plan:
        """Return the plan with every duration but the short windows' times ``scale``.

        Args:
            scale: More than 0. Below about 0.1 the sensors' own steps fill the windows, and the
                figures mean nothing.
        """
        return replace(
            self,
            watch_s=self.watch_s * scale,
            idle_s=self.idle_s * scale,
            wave_s=self.wave_s * scale,
            steady_s=self.steady_s * scale,
            unit_s=self.unit_s * scale,
            share_s=self.share_s * scale,
            cost_s=self.cost_s * scale,
            kill_s=self.kill_s * scale,
        )


FULL = Plan()

# Two to three minutes: enough for the sensors to be compared, not for rare events.
QUICK = Plan(
    calls=50,
    watch_s=2.0,
    idle_s=6.0,
    wave_s=4.0,
    wave_periods_s=(0.05, 0.1, 1.0),
    steady_s=8.0,
    steady_repeats=1,
    windows=((0.2, 6), (1.0, 6), (5.0, 2)),
    unit_s=0.5,
    share_s=1.5,
    cost_s=1.0,
    cost_repeats=2,
    kill_s=1.5,
    limit_s=200.0,
)
