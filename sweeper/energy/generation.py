"""The carbon intensity of a mix of generation.

Owns: how much carbon each source of generation stands for. Must not import other rooms or read a
device.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from sweeper.errors import MeterError

__all__ = ["GENERATION_G_PER_KWH", "UnknownSource", "mixed"]

# CodeCarbon, carbon_intensity_per_source.json (MIT): g CO2e per kWh. Coal, petroleum and gas are US
# combustion alone, the others medians over the whole life cycle. It has nothing for biomass.
GENERATION_G_PER_KWH: Mapping[str, float] = {
    "coal": 995.0,
    "petroleum": 816.0,
    "natural_gas": 743.0,
    "nuclear": 29.0,
    "hydroelectricity": 26.0,
    "wind": 26.0,
    "solar": 48.0,
    "geothermal": 38.0,
}
_FROM = "CodeCarbon's factors [weak: combustion for fossil fuels, lifecycle for others]"


class UnknownSource(MeterError):
    """A source of generation has no factor; the text names those that have."""


def mixed(shares: Mapping[str, float]) -> tuple[float, str]:
    """Weigh the intensities of sources of generation with their shares.

    Args:
        shares: By source; they sum to 1.

    Returns:
        g CO2e per kWh, and where that came from.

    Raises:
        UnknownSource: If one has no factor.
    """
    without = [name for name in shares if name not in GENERATION_G_PER_KWH]
    if without:
        raise UnknownSource(
            f"energy.mix: no carbon intensity is known for {', '.join(without)}, only for"
            f" {', '.join(GENERATION_G_PER_KWH)}; work the intensity of the whole mix out and give"
            " energy.carbon_intensity instead"
        )
    g_per_kwh = math.fsum(share * GENERATION_G_PER_KWH[name] for name, share in shares.items())
    parts = ", ".join(f"{share * 100:.3g} % {name}" for name, share in shares.items())
    return g_per_kwh, f"mix given in the sweep file: {parts}; {_FROM}"
