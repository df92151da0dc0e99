"""The ``cache`` section: which results are shared, and what their key is made of.

Owns: its keys, defaults and rules. Opens no store and reads no file. Imports pydantic: load lazily.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from sweeper.config.problems import kind
from sweeper.config.section import AsTuple, Section, Text, Texts, choice


class CacheMode(Enum):
    """What the sweep does with the store of results."""

    READ_WRITE = "rw"
    READ_ONLY = "ro"
    OFF = "off"


class CodePolicy(Enum):
    """Which project files enter the key: what the objective imports, or the whole tree."""

    IMPORTS = "imports"
    TREE = "tree"


class EnvPolicy(Enum):
    """How exactly the software has to be the same."""

    CORE = "core"
    FULL = "full"
    MAJOR = "major"
    NONE = "none"


class HardwarePolicy(Enum):
    """Whether results of other hardware are answers."""

    AUTO = "auto"
    CLASS = "class"
    ANY = "any"


class Refusable(Enum):
    """Failures that need not be tried again."""

    OOM = "oom"
    DIVERGED = "diverged"


class OnBusy(Enum):
    """What is done about a trial that somebody else is training."""

    PARK = "park"
    DUPLICATE = "duplicate"


class DataVersion(Section):
    """Data that is declared instead of read: a name and a version that both enter the key."""

    name: Text = Field(description="What the data is called.", examples=["imagenet"])
    version: Text = Field(description="Another version is other data.", examples=["2012-3"])


class Code(Section):
    """Which project files enter the key."""

    policy: Annotated[CodePolicy, choice(CodePolicy)] = Field(
        default=CodePolicy.IMPORTS, description="What the objective imports, or the whole tree."
    )
    include: Texts = Field(
        default=(), description="Globs of further files.", examples=[["models/*.py"]]
    )
    exclude: Texts = Field(
        default=(), description="Globs of files that cannot matter.", examples=[["scratch/*"]]
    )


def _data_item(raw: object) -> object:
    """Read one item of ``cache.data``."""
    if isinstance(raw, str | DataVersion):
        return raw
    if isinstance(raw, Mapping):
        return DataVersion.model_validate(raw)
    raise ValueError(f"must be a path or {{name: ..., version: ...}}, got {kind(raw)}")


def _off_is_false(raw: object) -> object:
    """YAML 1.1 reads a plain ``off`` as false."""
    return CacheMode.OFF if raw is False else raw


def _is_store_url(text: str) -> str:
    """Check the shape of a URL and that it tells no password, without repeating it."""
    try:
        parts = urlsplit(text)
        secret = parts.password is not None or "password=" in parts.query
    except ValueError as error:
        raise ValueError(f"is no URL: {error}") from error
    if not parts.scheme or "://" not in text:
        example = "sqlite:///results.db or postgresql+psycopg://host/database"
        raise ValueError(f"must be a URL such as {example}")
    if secret:
        raise ValueError("holds a password; keep it in ~/.pgpass or in PGPASSWORD")
    return text


class Cache(Section):
    """Which results are shared, and what their key is made of."""

    url: Annotated[Text, AfterValidator(_is_store_url)] | None = Field(
        default=None,
        description="Of the store; default: SWEEPER_STORE, else your own.",
        examples=["sqlite:///results.db"],
    )
    mode: Annotated[
        CacheMode,
        choice(CacheMode),
        BeforeValidator(_off_is_false),
        WithJsonSchema({"enum": [*(mode.value for mode in CacheMode), False]}),
    ] = Field(
        default=CacheMode.READ_WRITE,
        description="rw: read and write; ro: only read answers; off: neither.",
    )
    namespace: Text = Field(
        default="default", description="Results are shared within one.", examples=["vision"]
    )
    salt: str = Field(default="", description="Another salt disowns earlier results.")
    data: Annotated[
        tuple[Annotated[Text | DataVersion, BeforeValidator(_data_item)], ...], AsTuple
    ] = Field(
        default=(),
        description="What results depend on beside the code: files, globs, or {name, version}.",
        examples=[["data/*.csv"]],
    )
    code: Code = Code()
    env: Annotated[EnvPolicy, choice(EnvPolicy)] = Field(
        default=EnvPolicy.CORE,
        description="Which software has to be the same: core: Python's minor version, numerical "
        "libraries and what the project imports; full: every package; major: major versions; none.",
    )
    env_vars: Texts = Field(
        default=(),
        description="Further environment variables whose values enter the key.",
        examples=[["MY_PRECISION"]],
    )
    hw: Annotated[HardwarePolicy, choice(HardwarePolicy)] = Field(
        default=HardwarePolicy.AUTO,
        description="Whether hardware has to be of the same kind: auto: where joules, CO2e, cost "
        "or time decide; class: always; any: never.",
    )
    prefix_safe: bool = Field(
        default=False,
        description="true: the curve does not depend on max_steps, so a longer training answers a "
        "shorter one.",
    )
    refuse: Annotated[tuple[Annotated[Refusable, choice(Refusable)], ...], AsTuple] = Field(
        default=(),
        description="Failures that are not trained again once they happened twice.",
        examples=[["oom", "diverged"]],
    )
    on_busy: Annotated[OnBusy, choice(OnBusy)] = Field(
        default=OnBusy.PARK,
        description="When somebody else trains a trial now: park: take another one and wait; "
        "duplicate: train it as well.",
    )
    ignore: Texts = Field(
        default=(),
        description="Parameters (dotted paths) that cannot matter: their values leave the key.",
        examples=[["num_workers"]],
    )

    @staticmethod
    def decisions(document: Mapping[str, Any]) -> dict[str, Any]:
        """Return what of the section decides proposals or results.

        What came later is absent where it has its default, so that older sweeps go on.

        Args:
            document: The section as plain JSON.
        """
        return {
            name: it
            for name, it in document.items()
            if name not in _UNDECIDING and not (name in _LATER and it == _LATER[name])
        }


_UNDECIDING = ("url", "mode", "on_busy")
_LATER = {"env": "core", "env_vars": [], "hw": "auto", "prefix_safe": False, "refuse": []}
