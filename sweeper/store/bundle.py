"""Results in a file, from one store to another: export, and an import that believes nothing.

An import copies the file aside, has every line checked there (`store.bundle_lines`, which owns the
format), and then commits once.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from uuid import UUID

from sqlalchemy import Connection, String, cast, select

from sweeper.errors import CacheError
from sweeper.store.bundle_lines import (
    CONFIG_FIELDS,
    FORMAT,
    RECORD_FIELDS,
    BundleError,
    as_stored,
    checked,
    lines,
)
from sweeper.store.connection import Store
from sweeper.store.key import SECTION_NAMES
from sweeper.store.listing import RecordFilter, chosen, stored_of, stored_rows
from sweeper.store.schema import NOW, component, config, insert_into, meta, record

__all__ = ["BundleError", "Exported", "Imported", "export_bundle", "import_bundle"]

_LARGEST = 64 * 2**30  # bytes when unpacked
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Attributes:
        records: How many.
        left_out: Tainted or disowned ones.
    """

    records: int
    left_out: int


@dataclass(frozen=True, slots=True)
class Imported:
    """What was read.

    Attributes:
        records: In the bundle.
        new: Those that were not here yet.
        store: The store that it came from.
    """

    records: int
    new: int
    store: UUID


# --- out ---


def export_bundle(
    store: Store, wanted: RecordFilter, path: Path, *, disowned: bool = False
) -> Exported:
    """Write records with their keys into a file; gzip where its name ends in ``.gz``.

    Args:
        store: Open.
        wanted: Which.
        path: Replaced whole at the end, or not at all.
        disowned: Tainted, revoked and suspect ones, too.

    Raises:
        CacheError: When the store cannot be read or the file cannot be written.
    """
    try:
        with tempfile.TemporaryFile() as body:
            with store.read() as connection:
                uuid = connection.execute(
                    select(meta.c.value).where(meta.c.key == "store_uuid")
                ).scalar_one()
                digest = hashlib.sha256(f"{uuid}\n".encode("ascii"))
                counts, left_out = _write_body(connection, wanted, body, digest, disowned=disowned)
            body.seek(0)
            header = {
                "sweeper_bundle": FORMAT,
                "store": uuid,
                "counts": counts,
                "sha256": digest.hexdigest(),
            }
            _write_whole(path, _line(header), body)
    except OSError as error:
        raise CacheError(f"{path} cannot be written: {error.strerror or error}") from error
    return Exported(counts["records"], left_out)


def _write_whole(path: Path, header: bytes, body: IO[bytes]) -> None:
    beside = path.with_name(f".{path.name}.part")
    try:
        with open(beside, "wb") as raw:
            if path.name.endswith(".gz"):
                # No name and no time: the same results make the same bytes.
                with gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed:
                    packed.write(header)
                    _copy(body, packed)
            else:
                raw.write(header)
                _copy(body, raw)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _copy(source: IO[bytes], target: Any) -> None:
    while part := source.read(2**20):
        target.write(part)


def _write_body(
    connection: Connection,
    wanted: RecordFilter,
    body: IO[bytes],
    digest: hashlib._Hash,
    *,
    disowned: bool,
) -> tuple[dict[str, int], int]:
    def write(document: Mapping[str, Any]) -> None:
        line = _line(document)
        digest.update(line)
        body.write(line)

    uids, left_out = _exported(connection, wanted, disowned=disowned)
    keys = sorted(_keys_of(connection, uids))
    configs = list(_rows(connection, config, config.c.config_key, keys))
    parts = sorted({row[f"{name}_h"] for row in configs for name in SECTION_NAMES})
    for row in _rows(connection, component, component.c.digest, parts):
        write({"component": [row["digest"], row["kind"], row["doc"]]})
    for row in configs:
        write({"config": [row[name] for name in CONFIG_FIELDS]})
    uid = cast(record.c.uid, String).label("uid_text")
    for start in range(0, len(uids), _BATCH):
        rows = select(record, uid).where(record.c.uid.in_(uids[start : start + _BATCH]))
        found = sorted(connection.execute(rows).mappings(), key=lambda one: one["uid"].hex)
        for one in found:
            write({"record": {name: _plain(one[name]) for name in RECORD_FIELDS}})
    counts = {"components": len(parts), "configs": len(configs), "records": len(uids)}
    return counts, left_out


def _exported(
    connection: Connection, wanted: RecordFilter, *, disowned: bool
) -> tuple[list[UUID], int]:
    uids, left_out = [], 0
    for row in connection.execute(stored_rows().where(chosen(wanted))):
        found = stored_of(row)
        if found is None or not found.sound or not (disowned or found.is_served):
            left_out += 1
        else:
            uids.append(found.record.uid)
    return sorted(uids, key=lambda uid: uid.hex), left_out


def _keys_of(connection: Connection, uids: list[UUID]) -> set[str]:
    keys: set[str] = set()
    for start in range(0, len(uids), _BATCH):
        rows = select(record.c.config_key).where(record.c.uid.in_(uids[start : start + _BATCH]))
        keys.update(connection.execute(rows).scalars())
    return keys


def _rows(
    connection: Connection, table: Any, column: Any, values: list[str]
) -> Iterator[dict[str, Any]]:
    for start in range(0, len(values), _BATCH):
        part = select(table).where(column.in_(values[start : start + _BATCH])).order_by(column)
        for row in connection.execute(part).mappings():
            yield dict(row)


def _plain(value: Any) -> Any:
    return value.hex if isinstance(value, UUID) else value


def _line(document: Mapping[str, Any]) -> bytes:
    text = json.dumps(document, allow_nan=False, separators=(",", ":"), sort_keys=True)
    return text.encode("ascii") + b"\n"


# --- in ---


def import_bundle(store: Store, path: Path, *, dry_run: bool = False) -> Imported:
    """Check a whole bundle and store what is new of it, in one commit.

    Importing twice is the same as importing once. A record keeps its author, and says which store
    it came from; on a server that is for an administrator.

    Raises:
        BundleError: If anything in it is not as it must be; nothing was stored then.
        CacheError: When the store cannot be written.
    """
    with _staged(path) as staged:
        header = checked(staged, path)
        origin = UUID(header["store"])

        def write(connection: Connection) -> int:
            return _store_all(connection, staged, origin)

        if dry_run:
            with store.read() as connection:
                new = header["counts"]["records"] - _known(connection, staged)
        else:
            new = store.transact(write)
    return Imported(header["counts"]["records"], new, origin)


@contextmanager
def _staged(path: Path) -> Iterator[IO[bytes]]:
    """Copy a bundle aside, unpacked, so that what is checked is what is stored."""
    with tempfile.TemporaryFile() as staged:
        try:
            with open(path, "rb") as raw:
                packed = raw.read(2) == b"\x1f\x8b"
            with gzip.open(path, "rb") if packed else open(path, "rb") as source:
                size = 0
                while part := source.read(2**20):
                    size += len(part)
                    if size > _LARGEST:
                        raise BundleError(f"{path}: is more than {_LARGEST // 2**30} GiB unpacked")
                    staged.write(part)
        except (OSError, EOFError) as error:
            raise BundleError(f"{path}: cannot be read: {error}") from error
        except ValueError as error:  # zlib's, for what is no gzip
            raise BundleError(f"{path}: is damaged: {error}") from error
        except Exception as error:
            if type(error).__module__ != "zlib":
                raise
            raise BundleError(f"{path}: is damaged: {error}") from error
        yield staged


def _store_all(connection: Connection, staged: IO[bytes], origin: UUID) -> int:
    """Insert everything of a bundle that was checked; return how many records are new."""
    new = 0
    for documents in _batches(staged):
        parts = [
            dict(zip(("digest", "kind", "doc"), one["component"], strict=True))
            for one in documents
            if "component" in one
        ]
        configs = [one["config"] for one in documents if "config" in one]
        rows = [as_stored(one["record"]) for one in documents if "record" in one]
        if parts:
            connection.execute(insert_into(connection, component).on_conflict_do_nothing(), parts)
        if configs:
            keys = insert_into(connection, config).values(created_at=NOW).on_conflict_do_nothing()
            named = [dict(zip(CONFIG_FIELDS, row, strict=True)) for row in configs]
            connection.execute(keys, named)
        known = _same(connection, rows)
        fresh = [row for row in rows if row["uid"] not in known]
        if fresh:
            facts = (
                insert_into(connection, record)
                .values(stored_at=NOW, late=False)
                .on_conflict_do_nothing(index_elements=[record.c.uid])
            )
            connection.execute(facts, [{**row, "origin": row["origin"] or origin} for row in fresh])
        new += len(fresh)
    return new


def _same(connection: Connection, rows: list[dict[str, Any]]) -> set[UUID]:
    """Return the uids that are here already; what they hold must be the same."""
    if not rows:
        return set()
    here = select(record.c.uid, record.c.doc_sha).where(record.c.uid.in_([r["uid"] for r in rows]))
    known = {row.uid: row.doc_sha for row in connection.execute(here)}
    for row in rows:
        if known.get(row["uid"], row["doc_sha"]) != row["doc_sha"]:
            raise BundleError(
                f"record {row['uid'].hex} is in this store with other content; one of the two was "
                "changed (`sweeper cache verify`); nothing was imported"
            )
    return set(known)


def _known(connection: Connection, staged: IO[bytes]) -> int:
    return sum(
        len(_same(connection, [as_stored(one["record"]) for one in documents if "record" in one]))
        for documents in _batches(staged)
    )


def _batches(staged: IO[bytes]) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    for number, line in lines(staged):
        if number > 1:
            batch.append(json.loads(line))
        if len(batch) >= _BATCH:
            yield batch
            batch = []
    yield batch
