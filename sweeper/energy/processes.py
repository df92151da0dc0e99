"""How busy the processes of a board were, worker by worker: the weights of a shared interval.

Owns: the rules of docs/energy.md, "One ledger per GPU", about processes. Reads a ``Board`` and
``/proc``; must not import psutil or pynvml.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sweeper.energy.board import Board, GpuProcess, ProcessSample
from sweeper.energy.owners import Owners, Whose

__all__ = ["Activity", "ProcessBook", "Reading"]

# The driver's newest sample says nothing for a while although kernels run: NVML keeps between 1/6 s
# and 1 s apart (nvml.h, nvmlDeviceGetUtilizationRates). After that, silence means that none ran.
HOLD_S = 1.0

# Silence for so long although there are processes may mean that the node's wall clock was set back:
# then all samples are older than the newest one that was seen.
RESYNC_S = 10.0

# A call that takes longer does not belong between two trials.
CHEAP_S = 0.020


@dataclass(frozen=True, slots=True)
class Reading:
    """What the driver said at one moment.

    Attributes:
        processes: Those with a context; None: cannot be listed here.
        samples: Newer than ``since_us``; None: not available here.
        since_us: 0: all that the driver has.
        absent: Processes were listed, and went on being listed, that do not exist here.
        took_s: How long the driver took.
    """

    processes: Sequence[GpuProcess] | None
    samples: Sequence[ProcessSample] | None
    since_us: int = 0
    absent: bool = False
    took_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Activity:
    """Who kept the board busy in an interval; see ``ledger.Interval``."""

    busy: Mapping[str, float] | None
    external_busy: float = 0.0
    exclusive: bool = True
    flags: tuple[str, ...] = ()


@dataclass(slots=True)
class _Rates:
    """Shares of the time in which kernels were resident, as last seen."""

    own: dict[str, float] = field(default_factory=dict)
    strangers: float = 0.0


class ProcessBook:
    """What is known about one board's processes.

    ``read`` asks the driver and changes nothing, so it needs no lock; ``note`` takes its answer in.

    Args:
        board: Whose processes.
        owners: Whose they are.
        clock: Seconds, monotonic.
        now_s: The clock now.
    """

    def __init__(
        self, board: Board, owners: Owners, clock: Callable[[], float], now_s: float
    ) -> None:
        self._board = board
        self._owners = owners
        self._clock = clock
        self._rates = _Rates()
        self._last_us = 0
        self._last_us_of: dict[int, int] = {}
        self._noted_s = self._sampled_s = now_s
        self._listed: int | None = None
        self._ours_seen = self._strangers = self._absent = False
        self._readable = True  # the utilisation of processes
        self.cheap = True
        self.memory: dict[str, int] = {}  # bytes that each worker holds now

    @property
    def noted_s(self) -> float:
        """Return when the driver was last asked."""
        return self._noted_s

    @property
    def contexts(self) -> bool | None:
        """Tell whether any process has a context on the board; None: cannot be told."""
        return None if self._listed is None or self._unseen else self._listed > 0

    @property
    def kernels(self) -> bool | None:
        """Tell whether any kernel ran of late; None: cannot be told."""
        if not self._readable or self._listed is None or self._unseen:
            return None
        return self._rates.strangers > 0 or any(self._rates.own.values())

    def read(self) -> Reading:
        """Ask the driver; takes 50 to 100 ms on some boards."""
        begun_s = self._clock()
        resync = bool(self._listed) and begun_s - self._sampled_s >= RESYNC_S
        since_us = 0 if resync else self._last_us
        processes = self._board.processes()
        if self._absent_from(processes):
            processes = self._board.processes()  # one that ended meanwhile is not listed again
        samples = self._board.process_utilisation(since_us)
        absent = self._absent_from(processes)
        return Reading(processes, samples, since_us, absent, self._clock() - begun_s)

    def note(self, reading: Reading, now_s: float) -> None:
        """Take in what the driver said."""
        self.cheap = reading.took_s < CHEAP_S
        self._note_processes(reading)
        self._readable = reading.samples is not None
        fresh = self._fresh(reading)
        elapsed_s = max(0.0, now_s - self._noted_s)
        if fresh:
            self._rates = self._rates_of(fresh, elapsed_s)
            self._sampled_s = now_s
        elif now_s - self._sampled_s > HOLD_S:
            self._rates = _Rates()
        self._noted_s = now_s

    def activity(self, elapsed_s: float, leases: Mapping[str, float]) -> Activity:
        """Say who kept the board busy in an interval that ends now.

        Args:
            elapsed_s: Its length.
            leases: Who had the board, and which fraction of it.
        """
        booked = len(leases) == 1 and max(leases.values()) >= 1
        if self._absent:
            # One process, and one lease of the whole board: that is its own.
            return Activity(None, exclusive=booked and self._listed == 1, flags=("pid_namespace",))
        if self._listed is None or (leases and self._unseen):
            return Activity(None, exclusive=booked, flags=("processes_unseen",))
        if not self._readable:
            return Activity(None, exclusive=not self._strangers)
        own = {worker: rate * elapsed_s for worker, rate in self._rates.own.items()}
        return Activity(own, self._rates.strangers * elapsed_s, not self._strangers)

    @property
    def _unseen(self) -> bool:
        """Tell whether an empty list proves nothing: the driver may hide processes here."""
        return not self._listed and not self._ours_seen and not self._owners.first_namespace

    def _absent_from(self, processes: Sequence[GpuProcess] | None) -> bool:
        """Tell whether a listed process does not exist here."""
        return not all(self._owners.here(process.pid) for process in processes or ())

    def _note_processes(self, reading: Reading) -> None:
        processes = reading.processes
        self._listed = None if processes is None else len(processes)
        self._absent = reading.absent
        self._strangers = False
        self.memory = {}
        for process in processes or ():
            owner = self._owners.of(process.pid)
            self._strangers |= owner is Whose.STRANGER
            if isinstance(owner, str):
                self._ours_seen = True
                if process.memory_bytes is not None:
                    self.memory[owner] = self.memory.get(owner, 0) + process.memory_bytes

    def _fresh(self, reading: Reading) -> list[ProcessSample]:
        """Return the samples that are new; set the newest back if the clock was."""
        samples = reading.samples or ()
        newest_us = max((sample.at_us for sample in samples), default=0)
        if reading.since_us == 0 and 0 < newest_us < self._last_us:
            self._last_us = newest_us
            self._last_us_of.clear()
            return []
        return [sample for sample in samples if sample.at_us > self._last_us]

    def _rates_of(self, samples: Sequence[ProcessSample], elapsed_s: float) -> _Rates:
        """Weight each sample by its own age span, the newest first, no longer than was waited."""
        rates = _Rates()
        by_pid: dict[int, list[ProcessSample]] = {}
        for sample in sorted(samples, key=lambda sample: sample.at_us):
            by_pid.setdefault(sample.pid, []).append(sample)
        for pid, own in by_pid.items():
            owner = self._owners.of(pid)
            rate = _mean(own, self._last_us_of.get(pid, self._last_us), elapsed_s)
            if isinstance(owner, str):
                self._ours_seen = True
                rates.own[owner] = rates.own.get(owner, 0.0) + rate
            elif owner is Whose.STRANGER:
                rates.strangers += rate
        # Samples of different processes may be taken at different times, so each has its own end.
        self._last_us_of = {pid: own[-1].at_us for pid, own in by_pid.items()}
        self._last_us = max(self._last_us_of.values())
        return rates


def _mean(samples: Sequence[ProcessSample], begun_us: int, elapsed_s: float) -> float:
    """Return one process's mean utilisation over the time that was waited."""
    if elapsed_s <= 0:  # the first look: what there is may be of long ago
        return 0.0
    begins_us = [begun_us, *(sample.at_us for sample in samples)]
    left_s, busy_s = elapsed_s, 0.0
    for begin_us, sample in reversed(list(zip(begins_us, samples, strict=False))):
        span_s = min(left_s, (sample.at_us - begin_us) / 1e6)
        busy_s += sample.sm * span_s
        left_s -= span_s
    return min(1.0, busy_s / elapsed_s)
