"""Metering without a sweep: what can be measured here, what a command used, whether it is right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

from sweeper.energy.carbon import CarbonSettings, UnknownRegion, factors
from sweeper.energy.command import (
    CommandNotStarted,
    Measured,
    MeasureSettings,
    measure_command,
)
from sweeper.energy.probe import probe_gpus
from sweeper.energy.probe_cpu import probe_cpu
from sweeper.energy.probe_text import probe_text, scope_with_gpus
from sweeper.energy.validation.plan import FULL, QUICK
from sweeper.energy.validation.protocol import validate as run_protocol
from sweeper.energy.validation.report import validation_text
from sweeper.errors import ConfigError
from sweeper.model import Factors, Value

__all__ = [
    "CommandNotStarted",
    "MeasureSettings",
    "Measured",
    "Site",
    "Told",
    "measure_command",
    "probe",
    "site_factors",
    "validate",
]


@dataclass(frozen=True, slots=True)
class Told:
    """The same facts for a person and for a program; and whether they are good."""

    text: str
    document: dict[str, Value]
    good: bool = True


@dataclass(frozen=True, slots=True)
class Site:
    """What the command line says about carbon and money; as in a sweep file's section energy."""

    region: str | None = None
    pue: float | None = None
    price_per_kwh: float | None = None
    currency: str = "USD"


def probe(*, gpu_w: float | None = None, cpu_w_per_core: float | None = None) -> Told:
    """Look at what can be measured on this machine.

    Args:
        gpu_w: Watts of one GPU, as ``energy.gpu_w`` would declare them.
        cpu_w_per_core: Watts of one busy core, as ``energy.cpu_w_per_core`` would.
    """
    gpus, cpu = probe_gpus(gpu_w), probe_cpu(cpu_w_per_core)
    scopes: dict[str, Value] = {"with_gpus": scope_with_gpus(gpus, cpu), "without_gpus": "cpu"}
    document: dict[str, Value] = {"gpus": asdict(gpus), "cpu": asdict(cpu), "scopes": scopes}
    return Told(probe_text(gpus, cpu), document)


def site_factors(site: Site) -> Factors:
    """Return what turns joules into grams and money.

    Raises:
        ConfigError: If there is no such region.
    """
    settings = CarbonSettings(
        region=site.region,
        pue=site.pue,
        price_per_kwh=site.price_per_kwh,
        currency=site.currency,
    )
    try:
        found = factors(settings)
    except UnknownRegion as error:
        raise ConfigError(f"--region: {str(error).removeprefix('energy.region: ')}") from error
    return found if site.pue is None else replace(found, pue_from="given")


def validate(
    *, gpu: str, quick: bool, kind: str, only: Sequence[str], tell: Callable[[str], None]
) -> Told:
    """Run the validation protocol on one GPU of this machine.

    Args:
        gpu: NVML index or UUID.
        quick: Two to three minutes instead of under ten.
        kind: What keeps the GPU busy: ``torch``, ``cupy``, or ``auto``.
        only: Ids of experiments; empty: all.
        tell: Takes a line about what is being done.
    """
    plan = QUICK if quick else FULL
    found = run_protocol(gpu=gpu, plan=plan, kind=kind, only=only, tell=tell)
    return Told(validation_text(found), found.to_json(), found.passed)
