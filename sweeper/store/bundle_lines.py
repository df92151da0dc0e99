"""The lines of a bundle, and every check of them before anything is stored.

Owns: the format. Lines of JSON: a header with its store, counts and the SHA-256 of that and of
all other lines, then components, configurations and records, each kind sorted, so that the same
results make the same bytes. Every digest and key is derived again; nothing in a bundle is a path, a
program or a statement.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from uuid import UUID

from sweeper.errors import CacheError
from sweeper.model import RecordStatus
from sweeper.store.key import SECTION_NAMES, NotCanonical, combine, section_digest
from sweeper.store.key_text import NotAKeyText, decode
from sweeper.store.rows import DOC_COLUMNS, doc_sha
from sweeper.store.schema import KEY_VERSION
from sweeper.store.texts import read_curve, read_energy, read_final

__all__ = [
    "CONFIG_FIELDS",
    "FORMAT",
    "RECORD_FIELDS",
    "BundleError",
    "as_stored",
    "checked",
    "lines",
]

FORMAT = 1
_LONGEST_LINE = 8 * 2**20
_DEEPEST = 32
_LONGEST_NAME = 300
CONFIG_FIELDS = ("config_key", "key_version", *(f"{name}_h" for name in SECTION_NAMES))
RECORD_FIELDS = (*DOC_COLUMNS, "who", "origin", "doc_sha")


class BundleError(CacheError):
    """A file is no bundle, or not what its writer wrote; nothing of it was stored."""


@dataclass
class _Seen:
    """What the lines so far have shown to be true."""

    kinds: dict[str, str] = field(default_factory=dict)  # of components, by digest
    configs: set[str] = field(default_factory=set)
    records: set[str] = field(default_factory=set)
    last: tuple[int, str] = (0, "")


def lines(staged: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield each line with its number; refuse one that is too long or cut off."""
    staged.seek(0)
    number = 0
    while line := staged.readline(_LONGEST_LINE + 1):
        number += 1
        if len(line) > _LONGEST_LINE:
            raise _Wrong(number, "is longer than 8 MiB")
        if not line.endswith(b"\n"):
            raise _Wrong(number, "has no end: the file was cut off")
        yield number, line


class _Wrong(Exception):
    """What is wrong, and in which line."""

    def __init__(self, line: int, why: str) -> None:
        self.line = line
        self.why = why
        super().__init__(why)


def checked(staged: IO[bytes], path: Path) -> dict[str, Any]:
    """Check everything in a bundle and return its header."""
    seen, digest = _Seen(), hashlib.sha256()
    header: dict[str, Any] | None = None
    number = 0
    try:
        for at_line, line in lines(staged):
            number = at_line
            document = _parsed(line)
            if header is None:
                header = _header(document)
                digest.update(f"{header['store']}\n".encode("ascii"))
                continue
            digest.update(line)
            _check(document, seen)
        if header is None:
            raise _Wrong(1, "is missing: the file is empty")
        found = {
            "components": len(seen.kinds),
            "configs": len(seen.configs),
            "records": len(seen.records),
        }
        if found != header["counts"] or digest.hexdigest() != header["sha256"]:
            raise _Wrong(1, "says something else than the lines after it: the file was changed")
    except _Wrong as wrong:
        at = wrong.line or number
        raise BundleError(f"{path}:{at}: {wrong.why}; nothing was imported") from wrong
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError,
            OverflowError, CacheError) as error:  # fmt: skip
        if header is None:
            raise BundleError(
                f"{path}: is no bundle of `sweeper cache export`; nothing was imported"
            ) from error
        what = " ".join(str(error).split())[:200]
        raise BundleError(f"{path}:{number}: is not as a bundle has it: {what}; nothing was "
                          "imported") from error  # fmt: skip
    return header


def _parsed(line: bytes) -> Any:
    """Read a line of JSON strictly: ASCII, no key twice, finite numbers, not too deep."""
    document = json.loads(
        line.decode("ascii"), object_pairs_hook=_once, parse_constant=_no_constant
    )
    _shallow(document, 0)
    return document


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no number of JSON")


def _shallow(value: Any, depth: int) -> None:
    if depth > _DEEPEST:
        raise ValueError(f"is nested deeper than {_DEEPEST} levels")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number is not finite")
    for inner in (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    ):
        _shallow(inner, depth + 1)


def _header(document: Any) -> dict[str, Any]:
    if not isinstance(document, dict) or document.get("sweeper_bundle") != FORMAT:
        raise _Wrong(1, "is not the header of a bundle that this version reads")
    if set(document) != {"sweeper_bundle", "store", "counts", "sha256"}:
        raise _Wrong(1, "is a header with other fields")
    UUID(document["store"])
    return document


def _check(document: Any, seen: _Seen) -> None:
    ((kind, body),) = document.items()
    order = {"component": 1, "config": 2, "record": 3}[kind]
    name = body["uid"] if kind == "record" else body[0]
    if not isinstance(name, str) or (order, name) <= seen.last:
        raise ValueError("is out of order, or there twice")
    seen.last = (order, name)
    {"component": _component, "config": _config, "record": _record}[kind](body, seen)


def _component(body: Any, seen: _Seen) -> None:
    digest, kind, doc = body
    if kind not in SECTION_NAMES or section_digest(kind, doc).hex() != digest:
        raise ValueError("a component's digest does not follow from its text")
    try:
        decode(doc)
    except NotAKeyText as error:
        raise ValueError(f"a component {error}") from error
    seen.kinds[digest] = kind


def _config(body: Any, seen: _Seen) -> None:
    row = dict(zip(CONFIG_FIELDS, body, strict=True))
    if row["key_version"] != KEY_VERSION:
        raise ValueError(f"a key of version {row['key_version']}, not {KEY_VERSION}")
    digests = [row[f"{name}_h"] for name in SECTION_NAMES]
    for name, digest in zip(SECTION_NAMES, digests, strict=True):
        if seen.kinds.get(digest) != name:
            raise ValueError(f"a configuration whose section {name} is not in the bundle")
    key = combine((), [bytes.fromhex(digest) for digest in digests], seed=0)
    if getattr(key, "config_key", None) != row["config_key"]:
        raise ValueError("a configuration's key does not follow from its sections")
    seen.configs.add(row["config_key"])


def _record(row: Any, seen: _Seen) -> None:
    if set(row) != set(RECORD_FIELDS):
        raise ValueError("a record with other fields")
    _types(row)
    if row["config_key"] not in seen.configs:
        raise ValueError("a record whose configuration is not in the bundle")
    if run_key_of(row["config_key"], row["seed"]) != row["run_key"]:
        raise ValueError("a record's run_key does not follow from its configuration and seed")
    try:
        sound = doc_sha(as_stored(row)) == row["doc_sha"]
    except NotCanonical as error:
        raise ValueError(f"a record that cannot be stored: {error}") from error
    if not sound:
        raise ValueError("a record's checksum does not match")
    _content(row)
    seen.records.add(row["uid"])


def run_key_of(config_key: str, seed: int) -> str:
    """Derive the key of a run as ``key.combine`` does."""
    body = b"sweeper/key/1\0run\0" + bytes.fromhex(config_key) + seed.to_bytes(8, "big")
    return hashlib.sha256(body).hexdigest()


_TEXTS = ("uid", "run_key", "config_key", "status", "curve", "energy", "hw", "host", "prov", "who",
          "doc_sha")  # fmt: skip
_MAYBE_TEXTS = ("final", "tainted", "cause", "origin")
_REALS = ("elapsed_s", "started_at", "ended_at")


def _types(row: Mapping[str, Any]) -> None:
    wrong = [
        *(name for name in _TEXTS if type(row[name]) is not str),
        *(name for name in _MAYBE_TEXTS if row[name] is not None and type(row[name]) is not str),
        *(name for name in _REALS if type(row[name]) is not float),
        *(name for name in ("seed", "steps_done") if type(row[name]) is not int),
    ]
    if row["fence"] is not None and type(row["fence"]) is not int:
        wrong.append("fence")
    if row["energy_j"] is not None and type(row["energy_j"]) is not float:
        wrong.append("energy_j")
    if wrong:
        raise ValueError(f"a record whose {wrong[0]} is of another type")
    if not 0 <= row["seed"] < 2**63 or not 0 <= row["steps_done"] < 2**63:
        raise ValueError("a record with a number out of range")
    if len(row["who"]) > _LONGEST_NAME or not row["who"] or "\0" in row["who"]:
        raise ValueError("a record with an impossible author")


def _content(row: Mapping[str, Any]) -> None:
    """See whether what a record holds can be read as the record that it says it is."""
    RecordStatus(row["status"])
    curve = read_curve(row["curve"])
    steps = [point.step for point in curve]
    numbers = [p.elapsed_s for p in curve] + [p.energy_j for p in curve if p.energy_j is not None]
    numbers += [v for p in curve for v in p.values if v is not None]
    if not all(type(step) is int and step >= 0 for step in steps) or steps != sorted(set(steps)):
        raise ValueError("a record whose steps do not ascend")
    if not all(isinstance(n, int | float) and math.isfinite(n) for n in numbers):
        raise ValueError("a record with numbers that are none")
    if row["steps_done"] != (steps[-1] if steps else 0):
        raise ValueError("a record whose steps are not those of its curve")
    read_final(row["final"])
    energy = read_energy(row["energy"])
    if energy.total_j != row["energy_j"]:
        raise ValueError("a record whose joules are not those of its account")
    for name in ("hw", "prov"):
        document = _parsed(row[name].encode("ascii"))
        if not isinstance(document, dict):
            raise ValueError(f"a record whose {name} is no mapping")


def as_stored(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record's fields as its table has them: its uids as UUID."""
    uids = {name: None if row[name] is None else UUID(row[name]) for name in ("uid", "origin")}
    if any(value is not None and value.hex != row[name] for name, value in uids.items()):
        raise ValueError("a uid that is not written as 32 hex digits")
    return {**row, **uids}
