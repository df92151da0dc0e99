"""The small sections of a sweep file, each a model of plain fields in fixed units.

Owns: keys, defaults and rules of budget, trial, resources and ray. Field names carry units; the
file's own key is the alias. Imports pydantic: load lazily.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from sweeper.config.problems import shown
from sweeper.config.retries import Retries
from sweeper.config.section import (
    Bytes,
    Count,
    Duration,
    Grams,
    Joules,
    Section,
    Text,
)


class Budget(Section):
    """When to stop starting trials: the first limit that is reached; none: no limit."""

    trials: Count | None = Field(
        default=None,
        description="Settled trials, trained or answered by the store; duplicates do not count.",
        examples=[60],
    )
    time_s: Duration | None = Field(
        default=None,
        alias="time",
        description="Time with a driver, over all continuations.",
        examples=["2h"],
    )
    energy_j: Joules | None = Field(
        default=None,
        alias="energy",
        description="Consumed by this sweep, idle workers too; what the store answers is free.",
        examples=["0.5 kWh"],
    )
    co2e_g: Grams | None = Field(
        default=None,
        alias="co2e",
        description="Emissions of what was consumed.",
        examples=["200 g"],
    )
    cost: Annotated[float, Field(gt=0)] | None = Field(
        default=None,
        description="Of what was consumed, in energy.currency.",
        examples=[5],
    )


class Trial(Section):
    """How one trial is trained."""

    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] | None = Field(  # 32 bits, as NumPy's
        default=None,
        description="Of every trial; default: each configuration has its own.",
        examples=[7],
    )
    replicates: Count = Field(
        default=1,
        description="So often each configuration is trained, each time with another seed; the "
        "mean counts.",
        examples=[3],
    )
    retries: Retries = Field(
        default=2,
        description="So often a trial starts again when its machine failed it: worker, node, "
        "preempted; once at most after memory, crash, stalled; never after error, diverged, "
        "missing, oom, timeout. Or a mapping from such classes to numbers.",
        examples=[{"node": 5, "crash": 0}],
    )
    backoff_s: Duration = Field(
        default=5.0,
        alias="backoff",
        description="Before a trial starts again; each further time twice as long, at most 5 min.",
        examples=["30 s"],
    )
    same_failures: Annotated[int, Field(ge=0)] = Field(
        default=10,
        description="So many trials in a row that fail the same way end the sweep, and so many "
        "first ones that fail at all; 0: none do.",
        examples=[5],
    )
    timeout_s: Duration | None = Field(
        default=None,
        alias="timeout",
        description="A trial that takes longer fails; default: no limit.",
        examples=["30m"],
    )
    stall_s: Duration | None = Field(
        default=None,
        alias="stall",
        description="A trial that reports nothing for so long is killed; default: ten times the "
        "sweep's longest step, and not before 10 min. A year is as good as never.",
        examples=["20m"],
    )
    energy_j: Joules | None = Field(
        default=None,
        alias="energy",
        description="A trial that has used more is stopped at its next report; default: no limit.",
        examples=["50 Wh"],
    )
    grace_s: Duration = Field(
        default=30.0,
        alias="grace",
        description="Between SIGTERM and SIGKILL of a program that has to stop.",
        examples=["30 s"],
    )


def _is_share(gpus: float) -> float:
    """Refuse more than one GPU and a part of another."""
    if gpus > 1 and not gpus.is_integer():
        raise ValueError(f"must be whole above 1, got {shown(gpus)}")
    return gpus


def _auto_is_none(raw: object) -> object:
    """Read ``auto`` as None."""
    if isinstance(raw, str) and raw != "auto":
        raise ValueError(f"must be a whole number or auto, got {shown(raw)}")
    return None if raw == "auto" else raw


class Resources(Section):
    """What one worker gets, and how many workers there are."""

    cpus: Annotated[float, Field(gt=0)] = Field(
        default=1.0,
        description="CPUs of one worker; not given: an even share where each has a GPU.",
        examples=[2],
    )
    gpus: Annotated[float, Field(ge=0), AfterValidator(_is_share)] | None = Field(
        default=None,
        description="GPUs of one worker, a part shares one; default: one each where there are "
        "GPUs.",
        examples=[0.5],
    )
    memory_bytes: Bytes | None = Field(
        default=None,
        alias="memory",
        description="Host memory of one worker: booked with Ray, and a trial that uses more is "
        "killed; default: no limit.",
        examples=["4 GiB"],
    )
    nodes: Count = Field(
        default=1,
        description="Machines that one trial trains on together; each gets cpus, gpus and memory.",
        examples=[2],
    )
    labels: dict[str, str] = Field(
        default_factory=dict,
        description="Labels of Ray that a node must have to get workers.",
        examples=[{"accelerator": "H200"}],
    )
    workers: Annotated[
        Count | None,
        BeforeValidator(_auto_is_none),
        WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, {"const": "auto"}]}),
    ] = Field(default=None, description="How many; default: auto, as many as fit.", examples=[4])


class Ray(Section):
    """Where Ray is; without an address a local one is started when something must be trained."""

    address: Text | None = Field(
        default=None,
        description="host:port, or auto: a running cluster; default: a local Ray.",
        examples=["auto"],
    )
