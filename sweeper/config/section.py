"""What every section of a sweep file is made of: a strict base model and the types of its fields.

Owns: strictness and field types. Nothing is coerced silently: ``"3"`` is no number, ``true`` is no
number, a whole number stands for a fraction. Imports pydantic: load this room lazily.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
    model_validator,
)

from sweeper.config import units
from sweeper.config.problems import Path, Problem, one_of

Kind = TypeVar("Kind", bound=Enum)


class Section(BaseModel):
    """A mapping of the sweep file. A key without a value (``null``) counts as absent."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def key_names(cls) -> list[str]:
        """Return the keys as the file has them."""
        return [field.alias or name for name, field in cls.model_fields.items()]

    @model_validator(mode="before")
    @classmethod
    def _drop_null(cls, raw: Any) -> Any:
        if not isinstance(raw, Mapping):
            return raw
        known = cls.key_names()
        return {key: value for key, value in raw.items() if value is not None or key not in known}


def note(info: ValidationInfo, path: Path, what: str) -> None:
    """Add a warning to the list that is the validation's context, if there is one."""
    if isinstance(info.context, list):
        info.context.append(Problem(path, what))


def choice(kind: type[Kind]) -> BeforeValidator:
    """Return the validator of a field that takes one of an enum's values as text."""

    def read(given: object) -> object:
        if isinstance(given, kind):
            return given
        names = [str(member.value) for member in kind]
        if given not in names:
            raise ValueError(one_of(given, names))
        return kind(given)

    return BeforeValidator(read)


def _as_tuple(given: object) -> object:
    """Let a list of the file be a tuple."""
    return tuple(given) if isinstance(given, list) else given


def _one_line(text: str) -> str:
    """Refuse text that would break a table, a line of a log or a file name."""
    if not text.strip():
        raise ValueError("must not be empty")
    if not text.isprintable():
        raise ValueError("must be one line without control characters")
    return text


def _with_unit(unit: str) -> PlainSerializer:
    """Write a quantity so that it can be read again as it would stand in a file."""

    def write(quantity: float) -> str:
        return f"{quantity!r} {unit}"

    return PlainSerializer(write, return_type=str, when_used="json-unless-none")


Text = Annotated[str, AfterValidator(_one_line)]
Texts = Annotated[tuple[Text, ...], BeforeValidator(_as_tuple)]
Count = Annotated[int, Field(ge=1)]
Duration = Annotated[float, BeforeValidator(units.duration_s)]
Joules = Annotated[float, BeforeValidator(units.energy_j), _with_unit("J")]
Grams = Annotated[float, BeforeValidator(units.mass_g), _with_unit("g")]
Intensity = Annotated[float, BeforeValidator(units.intensity_g_per_kwh)]
Bytes = Annotated[int, BeforeValidator(units.size_bytes)]
AsTuple = BeforeValidator(_as_tuple)
