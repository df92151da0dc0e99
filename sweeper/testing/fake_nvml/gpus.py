"""What fake GPUs draw, written into the files that the fake library reads.

Owns: the format of trace and processes (``scene.h``) from the writer's side. Imports no other room.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from sweeper.testing.fake_nvml.library import build
from sweeper.testing.steps import Steps

__all__ = ["FakeGpus"]

# Most GPUs that the library has (``scene.h``).
MOST = 16


class FakeGpus:
    """The fake GPUs of one machine, for this process and for those that it starts.

    Whoever has ``environment`` may write too: the files are only ever appended to.

    Args:
        folder: Its files go there; made if it is not there.
        count: How many GPUs, at most 16.
        idle_w: What each draws until something else is said.
        now_s: A time to begin at, which then moves only by ``run_for``; None: time is the
            machine's ``time.monotonic``.
        library: What ``build`` returned; None: build it in the folder.
    """

    def __init__(
        self,
        folder: Path,
        *,
        count: int = 1,
        idle_w: float = 75.0,
        now_s: float | None = None,
        library: Path | None = None,
    ) -> None:
        if not 0 <= count <= MOST:
            raise ValueError(f"the fake library has 0 to {MOST} GPUs, not {count}")
        folder.mkdir(parents=True, exist_ok=True)
        self.count = count
        self.trace, self.processes = folder / "trace", folder / "processes"
        self._clock = None if now_s is None else folder / "clock"
        self._library = build(folder) if library is None else library
        if self._clock is not None:
            self._clock.write_text(repr(now_s), encoding="ascii")
        self.trace.write_text(f"0 {idle_w!r}\n", encoding="ascii")
        self.processes.touch()

    @staticmethod
    def uuid(gpu: int) -> str:
        """Return a GPU's UUID."""
        return f"GPU-{gpu:08x}-fa4e-fa4e-fa4e-{gpu:012x}"

    def environment(self, **settings: object) -> dict[str, str]:
        """Return the variables by which a process finds these GPUs.

        Args:
            settings: More of the library's variables (``nvml.c``), without their prefix:
                ``period_s=0.02`` sets ``FAKE_NVML_PERIOD_S``.
        """
        searched = [str(self._library.parent), os.environ.get("LD_LIBRARY_PATH", "")]
        variables: dict[str, object] = {
            "WATTS": ",".join(["0"] * self.count),
            "TRACE": self.trace,
            "PROCESSES": self.processes,
            **({} if self._clock is None else {"CLOCK": self._clock}),
            **{name.upper(): value for name, value in settings.items()},
        }
        return {
            "LD_LIBRARY_PATH": os.pathsep.join(filter(None, searched)),
            **{f"FAKE_NVML_{name}": str(value) for name, value in variables.items()},
        }

    def now_s(self) -> float:
        """Return the time of these GPUs."""
        if self._clock is None:
            return time.monotonic()
        return float(self._clock.read_text(encoding="ascii"))

    def run_for(self, elapsed_s: float) -> None:
        """Let time go by, where it is set by hand.

        Raises:
            ValueError: If it is not.
        """
        if self._clock is None:
            raise ValueError("these GPUs run on the machine's clock; give them now_s to set it")
        # In one piece: a process that reads it meanwhile must not find half a number.
        new = self._clock.with_suffix(".new")
        new.write_text(repr(self.now_s() + elapsed_s), encoding="ascii")
        new.replace(self._clock)

    def draw(self, gpu: int, watts: float, at_s: float | None = None) -> None:
        """Let a GPU draw so much from now on, or from another time on."""
        self._append(self.trace, at_s, gpu, repr(watts))

    def process(
        self,
        gpu: int,
        pid: int,
        sm: float = 0.0,
        memory_mb: float = 1024.0,
        at_s: float | None = None,
    ) -> None:
        """Let a process keep a GPU busy from a time on, a share ``sm`` of the time."""
        self._append(self.processes, at_s, gpu, pid, repr(100.0 * sm), repr(memory_mb))

    def leave(self, gpu: int, pid: int, at_s: float | None = None) -> None:
        """Let a process be gone from a time on."""
        self._append(self.processes, at_s, gpu, pid, -1, 0)

    def energy_j(self, gpu: int, from_s: float, to_s: float) -> float:
        """Return the joules that a GPU draws between two times, exactly, whoever wrote them."""
        power = Steps()
        for at_s, whose, watts in self._trace_lines():
            if whose is None or whose == gpu:
                power.set(at_s, watts)
        return power.integral(from_s, to_s)

    def _append(self, file: Path, at_s: float | None, *words: object) -> None:
        line = " ".join(map(str, [repr(self.now_s() if at_s is None else at_s), *words]))
        with file.open("a", encoding="ascii") as opened:
            opened.write(f"{line}\n")

    def _trace_lines(self) -> Iterator[tuple[float, int | None, float]]:
        for line in self.trace.read_text(encoding="ascii").splitlines():
            match line.split():
                case [at_s, watts]:
                    yield float(at_s), None, float(watts)
                case [at_s, gpu, watts]:
                    yield float(at_s), int(gpu), float(watts)
