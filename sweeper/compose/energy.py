"""From a sweep file to what turns joules into grams and money, and to the kind of hardware."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sweeper.config.caching import HardwarePolicy
from sweeper.config.energy import Idle
from sweeper.config.load import LoadedSweep
from sweeper.config.models import SweepConfig
from sweeper.energy.carbon import CarbonSettings, UnknownRegion, factors
from sweeper.energy.generation import UnknownSource
from sweeper.model import Factors, Uncacheable, Value, region_metric

if TYPE_CHECKING:
    from sweeper.energy.board import Board

__all__ = [
    "check_gpus",
    "decided_by_joules",
    "factors_of",
    "hardware_of",
    "loaded_factors",
    "meter_of",
    "own_class",
    "unmeasurable",
]

# Built-in metrics that are unknown where joules are.
_OF_JOULES = frozenset({"energy_j", "energy_kwh", "co2e_g", "cost"})


def loaded_factors(loaded: LoadedSweep) -> Factors:
    """Return the factors of a sweep file.

    Raises:
        ConfigError: If there is no such region, or a source of the mix has no factor.
    """
    try:
        found = factors_of(loaded.config)
    except UnknownRegion as error:
        what = str(error).removeprefix("energy.region: ")
        raise loaded.problem("energy.region", what) from error
    except UnknownSource as error:
        what = str(error).removeprefix("energy.mix: ")
        raise loaded.problem("energy.mix", what) from error
    wanted = "budget.cost" if loaded.config.budget.cost is not None else "the metric cost"
    is_money = wanted == "budget.cost" or "cost" in loaded.config.goals.names
    if found.price_per_kwh is None and is_money:
        what = f"is needed: {wanted} is money, and without a price it is unknown; give 0.2, say"
        raise loaded.problem("energy.price_per_kwh", what)
    return found


def factors_of(config: SweepConfig) -> Factors:
    """Return the factors of a configuration whose region and mix are known."""
    energy = config.energy
    return factors(
        CarbonSettings(
            region=energy.region,
            carbon_intensity=energy.carbon_intensity_g_per_kwh,
            mix=energy.mix or {},
            pue=energy.pue,
            price_per_kwh=energy.price_per_kwh,
            cloud_rate_per_gpu_h=energy.cloud_rate_per_gpu_h,
            offset_price_per_t=energy.offset_price_per_t,
            currency=energy.currency,
        )
    )


def check_gpus(loaded: LoadedSweep, *, local: bool) -> None:
    """Say at once that a GPU which the file asks for is not here, or cannot be measured.

    A cluster is asked later.

    Raises:
        ConfigError: If there are too few, or joules decide something and a GPU has none.
    """
    asked, key = loaded.config.resources.gpus, decided_by_joules(loaded.config)
    unused = not asked if local else asked == 0 or (asked is None and key is None)
    if unused or (loaded.config.ray.address is not None and not local):
        return
    from sweeper.energy.nvml import Nvml

    nvml = Nvml()
    there = nvml.count()
    if asked is not None and there < asked:
        raise loaded.problem(
            "resources.gpus",
            f"each worker asks for {asked:g} GPU, and this machine has {there or 'no'} NVIDIA GPU "
            "that NVML can see; set gpus: 0 to train on CPUs, or ray.address to train on a cluster",
        )
    silent = unmeasurable(nvml.boards(), loaded.config.energy.gpu_w) if key and there else ()
    if key and silent:
        raise loaded.problem(
            key,
            f"needs joules, and of {', '.join(silent)} neither the energy counter nor the power "
            "nor the utilisation can be read, and its design power is not known; give the watts "
            "of one GPU at work as energy.gpu_w: 300, say (`sweeper energy probe` shows why)",
        )


def decided_by_joules(config: SweepConfig) -> str | None:
    """Return the first key of the file that says nothing where joules are unknown."""
    budget = config.budget
    keys = {
        "budget.energy": budget.energy_j is not None,
        "budget.co2e": budget.co2e_g is not None,
        "budget.cost": budget.cost is not None,
        "trial.energy": config.trial.energy_j is not None,
    }
    for key, given in keys.items():
        if given:
            return key
    objectives = {metric.name for metric in config.goals.metrics}
    for name in config.goals.names:
        of_region = region_metric(name)
        if (name if of_region is None else of_region[1]) in _OF_JOULES:
            if name not in objectives:
                return "constraints"
            return "metrics" if config.metric is None else "metric.name"
    return None


def unmeasurable(boards: Sequence[Board], gpu_w: float | None) -> tuple[str, ...]:
    """Return the boards, by UUID and name, of which joules can be neither measured nor estimated.

    Args:
        boards: Of this machine.
        gpu_w: Watts that the file declares for one GPU; None: none.
    """
    from sweeper.energy.sources import SourceSettings, open_source

    settings = SourceSettings(gpu_w=gpu_w)
    return tuple(
        f"{board.uuid} ({board.name})"
        for board in boards
        if open_source(board, settings, time.monotonic()).label == "unavailable"
    )


def hardware_of(config: SweepConfig) -> dict[str, Value] | Uncacheable | None:
    """Describe the hardware where results depend on it (``cache.hw``); None: they do not.

    Joules, grams, money and seconds of one kind of machine are no answer on another, nor are joules
    that were estimated with another number of watts or split by another rule. The nodes of a given
    cluster are not looked at: its results are its own.
    """
    policy = config.cache.hw
    decides = policy is HardwarePolicy.AUTO and config.goals.built_in
    if policy is not HardwarePolicy.CLASS and not decides:
        return None
    assumed = _assumed(config)
    if config.ray.address is not None:
        return {"policy": "cluster", "address": config.ray.address, **assumed}
    from sweeper.energy.hardware import gpu_kinds, hardware_class

    kinds = () if config.resources.gpus == 0 else gpu_kinds()
    if len(kinds) > 1:
        return Uncacheable(
            "hw",
            f"this machine has GPUs of several kinds ({', '.join(kinds)}), whose results differ; "
            "show it those of one kind with CUDA_VISIBLE_DEVICES, or set cache.hw: any",
        )
    return {**hardware_class(config.resources.gpus), **assumed}


def meter_of(config: SweepConfig) -> str | None:
    """Name where this machine's joules come from, where results depend on them; None: they do not.

    Joules that were measured are no answer to ones that are estimated.
    """
    hardware = hardware_of(config)
    if hardware is None or isinstance(hardware, Uncacheable) or config.ray.address is not None:
        return None
    from sweeper.energy.nvml import Nvml
    from sweeper.energy.probe_cpu import probe_cpu
    from sweeper.energy.sources import SourceSettings, open_source

    settings = SourceSettings(gpu_w=config.energy.gpu_w)
    boards = () if config.resources.gpus == 0 else Nvml().boards()
    gpus = {open_source(board, settings, time.monotonic()).label for board in boards}
    return "+".join(sorted({*gpus, probe_cpu(config.energy.cpu_w_per_core).source}))


def own_class(config: SweepConfig) -> dict[str, Value] | None:
    """Return the class of what this sweep trains on, to compare with records; None: unknown."""
    if config.ray.address is not None:
        return None
    from sweeper.energy.hardware import hardware_class

    return hardware_class(config.resources.gpus)


def _assumed(config: SweepConfig) -> dict[str, Value]:
    """Return what the file says that joules are worked out with; defaults are left out."""
    energy = config.energy
    assumed: dict[str, Value] = {
        "cpu_w_per_core": energy.cpu_w_per_core,
    }
    if config.resources.gpus != 0:  # None: one each where there are any
        assumed |= {
            "gpu_w": energy.gpu_w,
            "gpu_idle_w": energy.gpu_idle_w,
            "idle": None if energy.idle is Idle.ACTIVE else energy.idle.value,
        }
    return {name: value for name, value in assumed.items() if value is not None}
