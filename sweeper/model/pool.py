"""What goes to a worker and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from sweeper.model.energy import Energy
from sweeper.model.space import Params, Value
from sweeper.model.states import Cause
from sweeper.model.trials import AttemptId


@dataclass(frozen=True, slots=True)
class StepReport:
    """A worker's trial reached a step and waits to be told to go on or to stop.

    Attributes:
        id: Whose.
        step: As reported, unchecked.
        metrics: What was reported and is a number, NaN and infinity included.
        energy_j: Joules since the trial's start; None: unknown.
        elapsed_s: Seconds since the trial's start.
        unreadable: What was reported and is no number: name and a short description.
    """

    id: AttemptId
    step: int
    metrics: Mapping[str, float]
    energy_j: float | None
    elapsed_s: float
    unreadable: Mapping[str, str] = field(default_factory=dict)


class Ending(Enum):
    """How a worker's trial ended, seen from the worker."""

    RETURNED = "returned"
    STOPPED = "stopped"
    RAISED = "raised"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """Where a worker trains, as it finds it itself.

    Attributes:
        hardware: Its class, as in the section ``hw`` of the key: ``gpu`` (name; None: trained on
            CPUs), ``memory_mib``, ``count``, ``power_cap_w``, ``mig``, ``cpu`` (model; None: GPUs).
        environment: The canonical text of the section ``env`` there; None: it could not be read.
        meter: Where its joules come from: a label of ``model.SOURCES``.
    """

    hardware: Mapping[str, Value]
    environment: str | None
    meter: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A worker's trial is over.

    Attributes:
        id: Whose.
        ending: How.
        cause: One line when it raised or the worker was lost.
        traceback: Full text for the trial's folder, never for the store.
        energy: Its closed account.
        elapsed_s: Seconds since the trial's start.
        node: Host name.
        gpus: UUIDs.
        imported: Project files that were imported by then: POSIX paths below the root, absolute
            ones elsewhere; None: who trained is gone and could not say.
        opened: Project files that the training opened for reading and had not written itself, in
            the same form; code that was imported is not among them.
        facts: Where it was trained; None: the worker was lost.
        worker: Name of the worker; empty: not said.
        overhead_j: What this worker has used outside attempts so far; None: unknown.
        answered: The worker says this itself, its account is closed; False: the worker is gone.
        logs: Name and end of each log, of a worker that does not see the driver's disk.
    """

    id: AttemptId
    ending: Ending
    cause: Cause | None
    traceback: str | None
    energy: Energy
    elapsed_s: float
    node: str
    gpus: tuple[str, ...] = ()
    imported: tuple[str, ...] | None = None
    opened: tuple[str, ...] = ()
    facts: NodeFacts | None = None
    worker: str = ""
    overhead_j: float | None = None
    answered: bool = True
    logs: tuple[tuple[str, str], ...] = ()


PoolEvent = StepReport | Ended


@dataclass(frozen=True, slots=True)
class Peers:
    """The machines that train one attempt together, one process on each; this one's part of it.

    Attributes:
        rank: Of this machine, from 0; the first one's reports count.
        size: How many there are.
        address: Of the first one.
        port: There, free when the training began.
    """

    rank: int
    size: int
    address: str
    port: int

    def variables(self) -> dict[str, str]:
        """Return the environment by which ``torch.distributed`` and its like find each other.

        Source: https://docs.pytorch.org/docs/stable/distributed.html, environment variable
        initialization; ``NODE_RANK`` and ``NNODES`` as torchrun's options.
        """
        return {
            "RANK": str(self.rank),
            "NODE_RANK": str(self.rank),
            "WORLD_SIZE": str(self.size),
            "NNODES": str(self.size),
            "MASTER_ADDR": self.address,
            "MASTER_PORT": str(self.port),
        }


@dataclass(frozen=True, slots=True)
class Order:
    """Everything that a worker needs to train one attempt.

    Attributes:
        id: Whose.
        params: For the objective.
        seed: For the objective, and what the worker seeds the generators with.
        max_steps: The planned horizon; None: open.
        folder: The trial's folder on the driver's host; created by whoever writes first.
        peers: With whom it is trained; None: alone.
    """

    id: AttemptId
    params: Params
    seed: int
    max_steps: int | None
    folder: str
    peers: Peers | None = None


class OutputStyle(Enum):
    """How metrics stand in what a program prints."""

    AUTO = "auto"  # JSON lines and name=value
    JSON = "json"
    ASSIGNMENTS = "assignments"
    PATTERN = "pattern"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class OutputRule:
    """How metrics are read from a program's standard output.

    Attributes:
        style: What a line may look like.
        patterns: Regular expressions whose named groups are metrics and maybe ``step``, or else
            ``name`` and ``value``; for ``PATTERN`` only.
    """

    style: OutputStyle = OutputStyle.AUTO
    patterns: tuple[str, ...] = ()
