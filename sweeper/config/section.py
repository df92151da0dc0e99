"""What every section of a sweep file is made of: a strict base model and the types of its fields.

Owns: strictness and field types, each with what an editor may know of it (JSON Schema). Nothing is
coerced silently: ``"3"`` is no number, ``true`` is no number, a whole number stands for a fraction.
Imports pydantic: load this room lazily.
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
    WithJsonSchema,
    model_validator,
)

from sweeper.config import units
from sweeper.config.problems import Path, Problem, one_of

Kind = TypeVar("Kind", bound=Enum)
Model = TypeVar("Model", bound="Section")

# In a JSON Schema that pydantic writes, stands for a definition that ``schema`` adds by its name.
DEFINITION = "x-definition"


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


def read_below(model: type[Model], raw: object, info: ValidationInfo, *path: str) -> Model:
    """Read a section whose own warnings do not know where it stands.

    Args:
        model: What it is.
        raw: As the file has it.
        info: Of the validation of the whole; takes the warnings.
        path: Where the section stands in the whole.

    Raises:
        pydantic.ValidationError: With places relative to the section.
    """
    notes: list[Problem] = []
    section = model.model_validate(raw, context=notes)
    for problem in notes:
        note(info, (*path, *problem.path), problem.what)
    return section


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


def defined(name: str) -> WithJsonSchema:
    """Return the JSON Schema of a field that is one of the named definitions."""
    return WithJsonSchema({DEFINITION: name})


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


def _quantity(pattern: str, what: str, *, bare: str | None) -> WithJsonSchema:
    """Return the JSON Schema of a quantity: text with a unit, or a number of a type if allowed."""
    text: dict[str, Any] = {"type": "string", "pattern": pattern, "$comment": what}
    if bare is None:
        return WithJsonSchema(text)
    return WithJsonSchema({"anyOf": [{"type": bare, "exclusiveMinimum": 0}, text]})


Text = Annotated[str, AfterValidator(_one_line), Field(json_schema_extra={"minLength": 1})]
Texts = Annotated[tuple[Text, ...], BeforeValidator(_as_tuple)]
Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Duration = Annotated[
    float,
    BeforeValidator(units.duration_s),
    _quantity(units.DURATION_PATTERN, "duration: s, min, h, d", bare="number"),
]
Joules = Annotated[
    float,
    BeforeValidator(units.energy_j),
    _with_unit("J"),
    _quantity(units.ENERGY_PATTERN, "energy: J, kJ, MJ, Wh, kWh, MWh", bare=None),
]
Grams = Annotated[
    float,
    BeforeValidator(units.mass_g),
    _with_unit("g"),
    _quantity(units.MASS_PATTERN, "mass: g, kg, t", bare=None),
]
Intensity = Annotated[
    float,
    BeforeValidator(units.intensity_g_per_kwh),
    _quantity(units.INTENSITY_PATTERN, "carbon intensity: g/kWh, kg/kWh", bare="number"),
]
Bytes = Annotated[
    int,
    BeforeValidator(units.size_bytes),
    _quantity(units.SIZE_PATTERN, "size: B, kB ... TB, KiB ... TiB", bare="integer"),
]
AsTuple = BeforeValidator(_as_tuple)
