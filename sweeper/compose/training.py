"""From a sweep file to the pool of workers, and to what they train."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from sweeper.compose.energy import decided_by_joules
from sweeper.config.load import LoadedSweep
from sweeper.config.models import SweepConfig
from sweeper.errors import PoolError
from sweeper.model import NodeFacts
from sweeper.seams import Agent, Meter, Pool
from sweeper.workers.lazy_pool import LazyPool
from sweeper.workers.limits import Limits
from sweeper.workers.objective import ObjectiveSource, locate
from sweeper.workers.program import ProgramSource, locate_program
from sweeper.workers.slots import Resources, Slots, fit, usable_cpus
from sweeper.workers.worker import WorkerSetup

# Reads the canonical text of the section ``env`` from the variables of a process.
EnvironmentReader = Callable[[Mapping[str, str]], str]

__all__ = ["EnvironmentReader", "build_pool", "cpus_each", "expected_slots", "trainee"]


def trainee(loaded: LoadedSweep, root: Path) -> ObjectiveSource | ProgramSource:
    """Find what the sweep trains, without running it.

    Raises:
        ConfigError: If it is not there.
    """
    config = loaded.config
    key = "objective" if config.objective is not None else "program"
    try:
        if config.objective is not None:
            return locate(config.objective, root)
        key = "program" if config.program is not None else "command"
        return locate_program(
            config.program,
            config.command,
            root,
            metric_names=config.goals.names,
            output=config.stdout,
            grace_s=config.trial.grace_s,
        )
    except PoolError as error:
        raise loaded.problem(key, str(error)) from error


def resources_of(config: SweepConfig) -> Resources:
    """Return what each worker asks for."""
    asked = config.resources
    return Resources(
        cpus=asked.cpus if "cpus" in asked.model_fields_set else None,
        gpus=asked.gpus,
        memory_bytes=asked.memory_bytes,
        workers=asked.workers,
        labels=tuple(sorted(asked.labels.items())),
        nodes=asked.nodes,
    )


def cpus_each(config: SweepConfig) -> float:
    """Return the CPUs of one worker, as far as they can be known before the workers start."""
    resources = resources_of(config)
    if resources.cpus is not None or resources.gpus is not None or config.ray.address is not None:
        return resources.cpus or 1.0
    return expected_slots(config).cpus


def expected_slots(config: SweepConfig) -> Slots:
    """Work out the workers that this machine would have.

    Raises:
        PoolError: If not even one fits.
    """
    from sweeper.energy.nvml import Nvml

    return fit(resources_of(config), cpus=usable_cpus(), gpus=Nvml().count())


def build_pool(
    config: SweepConfig,
    source: ObjectiveSource | ProgramSource,
    *,
    local: bool,
    notify: Callable[[str], None],
    environment: EnvironmentReader | None = None,
    code: tuple[tuple[str, str], ...] = (),
) -> Pool:
    """Build the pool; its workers start with the first trial that must be trained.

    Args:
        config: The sweep file.
        source: What is trained.
        local: Train in this process.
        notify: Tells a person that the workers have started.
        code: Path and SHA-256 of each file that workers must run.
        environment: Reads the section ``env`` of the key where a worker is; None: nobody asks.
    """
    from sweeper.energy.agent import AgentSettings, build_agent
    from sweeper.energy.held import gpu_bytes_of
    from sweeper.energy.ledger import IdlePolicy
    from sweeper.energy.meter import MeterSettings, build_meter

    energy = config.energy
    watts = energy.cpu_w_per_core
    settings = MeterSettings() if watts is None else MeterSettings(cpu_w_per_core=watts)
    of_agent = AgentSettings(IdlePolicy(energy.idle.value), energy.gpu_idle_w, energy.gpu_w)
    make_meter: Callable[[Meter | None], Meter] = partial(build_meter, settings)
    make_agent: Callable[[], Agent] = partial(build_agent, of_agent)
    setup = WorkerSetup(
        source,
        make_meter,
        own_process=not local,
        make_agent=make_agent,
        needs_energy=decided_by_joules(config),
        describe=partial(_describe, config.resources.gpus, environment),
        code=() if local else code,
        limits=Limits(config.resources.memory_bytes, config.trial.grace_s, gpu_bytes_of),
    )
    if local:
        from sweeper.workers.local_pool import LocalPool

        return LocalPool(setup, _local_gpus(config), share=min(1.0, config.resources.gpus or 1.0))
    start = partial(_ray_pool, setup, resources_of(config), config.ray.address, notify)
    return LazyPool(start)


def _describe(
    gpus: float | None, environment: EnvironmentReader | None, booked: Sequence[str]
) -> NodeFacts:
    """Say what the node of a worker is; runs there."""
    from sweeper.energy.hardware import hardware_class

    count = gpus if booked else 0
    text = None if environment is None else environment(os.environ)
    return NodeFacts(hardware_class(count, booked), text, meter="unavailable")


def _local_gpus(config: SweepConfig) -> tuple[str, ...]:
    """Return the first GPUs that this process may use, as many as the file asks for."""
    count = math.ceil(config.resources.gpus or 0)
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return tuple(str(index) for index in range(count))
    return tuple(visible.split(",")[:count]) if visible.strip() else ()


def _ray_pool(
    setup: WorkerSetup, resources: Resources, address: str | None, notify: Callable[[str], None]
) -> Pool:
    from sweeper.workers import ray_environment

    ray_environment.prepare(local=address is None)  # before Ray is imported
    from sweeper.workers.ray_pool import RayPool

    return RayPool(setup, resources, address=address, notify=notify)
