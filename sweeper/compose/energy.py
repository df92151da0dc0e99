"""From a sweep file to what turns joules into grams and money, and to the kind of hardware."""

from __future__ import annotations

from sweeper.config.load import LoadedSweep
from sweeper.config.models import SweepConfig
from sweeper.energy.carbon import CarbonSettings, UnknownRegion, factors
from sweeper.model import Factors, Value

__all__ = ["check_gpus", "factors_of", "hardware_of", "loaded_factors"]


def loaded_factors(loaded: LoadedSweep) -> Factors:
    """Return the factors of a sweep file.

    Raises:
        ConfigError: If there is no such region.
    """
    try:
        found = factors_of(loaded.config)
    except UnknownRegion as error:
        what = str(error).removeprefix("energy.region: ")
        raise loaded.problem("energy.region", what) from error
    wanted = "budget.cost" if loaded.config.budget.cost is not None else "the metric cost"
    is_money = wanted == "budget.cost" or "cost" in loaded.config.goals.names
    if found.price_per_kwh is None and is_money:
        what = f"is needed: {wanted} is money, and without a price it is unknown; give 0.2, say"
        raise loaded.problem("energy.price_per_kwh", what)
    return found


def factors_of(config: SweepConfig) -> Factors:
    """Return the factors of a configuration whose region is known."""
    energy = config.energy
    return factors(
        CarbonSettings(
            region=energy.region,
            carbon_intensity=energy.carbon_intensity_g_per_kwh,
            pue=energy.pue,
            price_per_kwh=energy.price_per_kwh,
            currency=energy.currency,
        )
    )


def check_gpus(loaded: LoadedSweep, *, local: bool) -> None:
    """Say at once that a GPU which the file asks for is not here; a cluster is asked later.

    Raises:
        ConfigError: If it is not.
    """
    asked = loaded.config.resources.gpus
    if not asked or (loaded.config.ray.address is not None and not local):
        return
    from sweeper.energy.nvml import Nvml

    there = Nvml().count()
    if there < asked:
        raise loaded.problem(
            "resources.gpus",
            f"each worker asks for {asked:g} GPU, and this machine has {there or 'no'} NVIDIA GPU "
            "that NVML can see; set gpus: 0 to train on CPUs, or ray.address to train on a cluster",
        )


def hardware_of(config: SweepConfig) -> dict[str, Value] | None:
    """Describe the hardware where results depend on it; None: they do not.

    Joules, grams, money and seconds of one kind of machine are no answer on another, nor are joules
    that were estimated with another number of watts. The nodes of a given cluster are not looked
    at: its results are its own.
    """
    if not config.goals.built_in:
        return None
    watts = config.energy.cpu_w_per_core
    estimate: dict[str, Value] = {} if watts is None else {"cpu_w_per_core": watts}
    if config.ray.address is not None:
        return {"policy": "cluster", "address": config.ray.address, **estimate}
    from sweeper.energy.hardware import hardware_class

    return {**hardware_class(config.resources.gpus), **estimate}
