"""The ``energy`` section: what joules weigh and cost, and what stands for what cannot be measured.

Owns: its keys, defaults and rules; whether a region exists, and how much carbon a source of
generation stands for, is not known here. Imports pydantic: load lazily.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from sweeper.config.generation import MixField
from sweeper.config.problems import shown
from sweeper.config.section import Intensity, Section, Text, choice


def _is_currency(text: str) -> str:
    """Check the shape of a currency code."""
    if not (len(text) == 3 and text.isascii() and text.isalpha() and text.isupper()):
        what = "must be three capital letters (ISO 4217) such as EUR"
        raise ValueError(f"{what}, got {shown(text)}")
    return text


class Idle(Enum):
    """Who bears what a shared GPU would draw idle."""

    ACTIVE = "active"
    LEASE = "lease"


class Energy(Section):
    """What turns joules into grams and money, and what stands for what cannot be measured."""

    region: Text | None = Field(  # whether it exists is not checked here
        default=None,
        description="Region code, ISO 3166-1 alpha-3 code or country, for the carbon intensity; "
        "default: the world's.",
        examples=["FRA"],
    )
    carbon_intensity_g_per_kwh: Intensity | None = Field(
        default=None,
        alias="carbon_intensity",
        description="Wins over the region's; a bare number is in g/kWh.",
        examples=["56 g/kWh"],
    )
    mix: MixField | None = Field(
        default=None,
        description="The site's own generation, instead of carbon_intensity; shares of 1, or "
        "percent. Wins over the region's.",
        examples=[{"coal": 0.25, "gas": 0.75}],
    )
    pue: Annotated[float, Field(ge=1)] | None = Field(
        default=None,
        description="Power usage effectiveness of the site; default: 1, marked as not given.",
        examples=[1.2],
    )
    price_per_kwh: Annotated[float, Field(ge=0)] | None = Field(
        default=None, description="Default: unknown, and so is the cost.", examples=[0.2]
    )
    cloud_rate_per_gpu_h: Annotated[float, Field(ge=0)] | None = Field(
        default=None,
        alias="cloud_rate",
        description="Rent of one GPU per hour, electricity included: shown beside the cost, never "
        "added to it.",
        examples=[2.5],
    )
    offset_price_per_t: Annotated[float, Field(ge=0)] | None = Field(
        default=None,
        alias="offset_price",
        description="Of one tonne of CO2e, to show what offsetting would cost.",
        examples=[80],
    )
    currency: Annotated[
        str, AfterValidator(_is_currency), Field(json_schema_extra={"pattern": "^[A-Z]{3}$"})
    ] = Field(default="USD", description="Of all prices; ISO 4217 code.", examples=["EUR"])
    cpu_w_per_core: Annotated[float, Field(gt=0)] | None = Field(
        default=None,
        description="For estimates where the CPU cannot be measured; default: docs/energy.md.",
        examples=[12],
    )
    gpu_w: Annotated[float, Field(gt=0)] | None = Field(
        default=None,
        description="Watts of one GPU at work, where its power cannot be read: declared, not "
        "measured.",
        examples=[300],
    )
    gpu_idle_w: Annotated[float, Field(ge=0)] | None = Field(
        default=None,
        description="What one GPU draws when nothing runs; default: measured while nothing runs.",
        examples=[70],
    )
    idle: Annotated[Idle, choice(Idle)] = Field(
        default=Idle.ACTIVE,
        description="What a shared GPU would draw idle is borne by the trials that run on it "
        "(active), or by what each has leased, the rest being overhead (lease).",
    )

    @field_validator("mix")
    @classmethod
    def _one_intensity(
        cls, mix: Mapping[str, float] | None, info: ValidationInfo
    ) -> Mapping[str, float] | None:
        if mix is not None and info.data.get("carbon_intensity_g_per_kwh") is not None:
            raise ValueError("stands beside carbon_intensity; keep one of the two")
        return mix

    @field_validator("gpu_idle_w")
    @classmethod
    def _idle_is_less(cls, idle_w: float | None, info: ValidationInfo) -> float | None:
        busy_w = info.data.get("gpu_w")
        if idle_w is not None and busy_w is not None and idle_w >= busy_w:
            raise ValueError(f"must be less than gpu_w, {shown(busy_w)}, got {shown(idle_w)}")
        return idle_w
