"""The ``cache`` section: which results are shared, and what their key is made of.

Owns: its keys, defaults and rules. Opens no store and reads no file. Imports pydantic: load lazily.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator

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


class DataVersion(Section):
    """Data that is declared instead of read: a name and a version that both enter the key."""

    name: Text
    version: Text


class Code(Section):
    """Which project files enter the key; ``include`` and ``exclude`` are globs."""

    policy: Annotated[CodePolicy, choice(CodePolicy)] = CodePolicy.IMPORTS
    include: Texts = ()
    exclude: Texts = ()


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
    """Which results are shared, and what their key is made of.

    Attributes:
        url: Of the store; None: the environment's or the user's own.
        ignore: Parameters that cannot matter: their values leave the key.
    """

    url: Annotated[Text, AfterValidator(_is_store_url)] | None = None
    mode: Annotated[CacheMode, choice(CacheMode), BeforeValidator(_off_is_false)] = (
        CacheMode.READ_WRITE
    )
    namespace: Text = "default"
    salt: str = ""
    data: Annotated[
        tuple[Annotated[Text | DataVersion, BeforeValidator(_data_item)], ...], AsTuple
    ] = ()
    code: Code = Code()
    ignore: Texts = ()
