"""Writes a program into a folder and drives it in a local pool."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sweeper.model import AttemptId, Cause, CauseKind, Ended, Order, OutputRule, Params, StepReport
from sweeper.seams import Pool
from sweeper.testing.pool_cases import wait
from sweeper.workers.local_pool import LocalPool
from sweeper.workers.program import ProgramSource, locate_program
from sweeper.workers.worker import WorkerSetup
from tests.workers.objectives import scripted_meter

PARAMS: Params = {"lr": 1e-4, "opt": {"a": 1, "b": None}, "flag": True}


@dataclass(frozen=True)
class Played:
    """What a program's trial gave."""

    reports: list[StepReport]
    ended: Ended
    folder: Path
    took_s: float

    @property
    def values(self) -> list[tuple[int, dict[str, float]]]:
        """Return steps and metrics."""
        return [(report.step, dict(report.metrics)) for report in self.reports]

    def log(self, name: str) -> str:
        """Return a file of the trial's folder."""
        return (self.folder / name).read_text(encoding="utf-8")


def program(
    folder: Path,
    files: Mapping[str, str],
    command: Sequence[str] | None = None,
    *,
    metrics: Sequence[str] = ("loss",),
    output: OutputRule | None = None,
    grace_s: float = 20.0,
) -> ProgramSource:
    """Write a project and find its program: ``train.py``, unless a command says otherwise."""
    root = folder / "code"
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    root.mkdir(parents=True, exist_ok=True)
    main = "train.py" if "train.py" in files else None
    return locate_program(
        main,
        command,
        root,
        metric_names=metrics,
        output=output or OutputRule(),
        grace_s=grace_s,
    )


def trial(folder: Path, params: Params = PARAMS, number: int = 4) -> Order:
    """Make an order in a folder that is named like those of a sweep."""
    return Order(AttemptId(number, 0, 0), params, 7, 9, str(folder / "digits-1234" / str(number)))


def play(
    source: ProgramSource, folder: Path, *, params: Params = PARAMS, stop_at: int | None = None
) -> Played:
    """Train with a program in a local pool; with ``stop_at`` stop at the n-th report."""
    setup = WorkerSetup(source, scripted_meter, own_process=False)
    return drive(LocalPool(setup), trial(folder, params), stop_at=stop_at)


def drive(pool: Pool, order: Order, *, stop_at: int | None = None) -> Played:
    """Train one order to its end."""
    reports: list[StepReport] = []
    began_s = time.monotonic()
    try:
        pool.start(order)
        while isinstance(event := wait(pool), StepReport):
            reports.append(event)
            if len(reports) == stop_at:
                pool.stop(event.id, Cause(CauseKind.PRUNER, "test"))
            else:
                pool.go_on(event.id)
    finally:
        pool.close()
    return Played(reports, event, Path(order.folder), time.monotonic() - began_s)


def gone(pid: int) -> bool:
    """Tell whether a process ends within seconds; a zombie has ended."""
    for _ in range(200):
        try:
            state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state[0] in "ZX":
            return True
        time.sleep(0.02)
    return False


def shell(folder: Path, script: str, **options: object) -> ProgramSource:
    """Find a program for the shell."""
    return program(folder, {"train.sh": script}, ["sh", "train.sh", "${args}"], **options)  # type: ignore[arg-type] # each is checked there
