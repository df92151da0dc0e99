"""Results from one store to another in a file."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from sweeper.errors import CacheError
from sweeper.model import Hit, RecordStatus
from sweeper.store.bundle import BundleError, export_bundle, import_bundle
from sweeper.store.connection import Store
from sweeper.store.engine import open_store
from sweeper.store.listing import RecordFilter, list_records
from sweeper.store.schema import VerdictKind, component, config, record
from sweeper.store.verdicts import say_verdict
from sweeper.store.verify import verify
from sweeper.testing.store_bench import driver, key_of
from tests.store.conftest import SqlBench

EVERYTHING = RecordFilter()


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Store]:
    """Open another lab's store."""
    opened = open_store(f"sqlite:///{tmp_path}/elsewhere/store.db", env={})
    yield opened
    opened.close()


def filled(bench: SqlBench, count: int = 4) -> None:
    """Train some trials of different ends."""
    ann = driver(bench)
    for number in range(count):
        ann.train(number, key_of(number / 8))
    ann.train(count, key_of(0.9), status=RecordStatus.PRUNED, steps=2)


def stored(store: Store) -> tuple[int, ...]:
    """Count the facts of a store."""
    with store.read() as connection:
        return tuple(
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (component, config, record)
        )


def test_what_was_exported_answers_elsewhere(
    sql_bench: SqlBench, elsewhere: Store, tmp_path: Path
) -> None:
    """Every record answers there, with its author and where it came from; twice is once."""
    filled(sql_bench)
    path = tmp_path / "out.jsonl"
    assert export_bundle(sql_bench.store, EVERYTHING, path).records == 5
    first = import_bundle(elsewhere, path)
    assert (first.records, first.new) == (5, 5)
    assert import_bundle(elsewhere, path).new == 0
    assert stored(elsewhere) == stored(sql_bench.store)
    found = list_records(elsewhere, EVERYTHING)
    assert {one.who for one in found} == {"ann"}
    assert {one.origin for one in found} == {first.store}
    bob = driver(SqlBench(elsewhere), who="bob")
    assert isinstance(bob.cache.acquire(key_of(0.0), bob.attempt(0, key_of(0.0))), Hit)
    assert verify(elsewhere).problems == ()


def test_the_same_results_make_the_same_bytes(sql_bench: SqlBench, tmp_path: Path) -> None:
    """Packed or not; nothing of the day or the machine is in a bundle."""
    filled(sql_bench)
    for name in ("a.jsonl", "a.jsonl.gz"):
        texts = []
        for folder in ("one", "two"):
            (tmp_path / folder).mkdir(exist_ok=True)
            export_bundle(sql_bench.store, EVERYTHING, tmp_path / folder / name)
            texts.append((tmp_path / folder / name).read_bytes())
        assert texts[0] == texts[1]
        assert not list((tmp_path / "one").glob(".*"))


def test_a_packed_bundle_is_read(sql_bench: SqlBench, elsewhere: Store, tmp_path: Path) -> None:
    """Whatever its name is."""
    filled(sql_bench)
    export_bundle(sql_bench.store, EVERYTHING, tmp_path / "a.gz")
    assert import_bundle(elsewhere, tmp_path / "a.gz", dry_run=True).new == 5
    assert stored(elsewhere) == (0, 0, 0), "a dry run stores nothing"
    assert import_bundle(elsewhere, tmp_path / "a.gz").new == 5


def test_what_nobody_may_use_stays(sql_bench: SqlBench, tmp_path: Path) -> None:
    """Tainted and revoked records are left out and counted, unless they are wanted."""
    ann = driver(sql_bench)
    ann.train(0, key_of(0.1), tainted="edited")
    bad = ann.train(1, key_of(0.2))
    ann.train(2, key_of(0.3))
    say_verdict(
        sql_bench.store, RecordFilter(uids=(bad.uid,)), VerdictKind.REVOKED, reason="x", who="ann"
    )
    done = export_bundle(sql_bench.store, EVERYTHING, tmp_path / "a")
    assert (done.records, done.left_out) == (1, 2)
    assert export_bundle(sql_bench.store, EVERYTHING, tmp_path / "a", disowned=True).records == 3


def test_a_selection(sql_bench: SqlBench, tmp_path: Path) -> None:
    """Only the configurations of what was chosen are in it."""
    filled(sql_bench)
    chosen = RecordFilter(statuses=(RecordStatus.PRUNED,))
    assert export_bundle(sql_bench.store, chosen, tmp_path / "a").records == 1
    kinds = [next(iter(json.loads(line))) for line in (tmp_path / "a").read_text().splitlines()]
    assert kinds.count("config") == kinds.count("record") == 1


def test_ten_thousand_bad_bundles(sqlite_bench: SqlBench, elsewhere: Store, tmp_path: Path) -> None:
    """Whatever is changed in a bundle, it is refused whole, or it says what it said before."""
    filled(sqlite_bench, 2)
    path, bad = tmp_path / "a.jsonl", tmp_path / "bad.jsonl"
    export_bundle(sqlite_bench.store, EVERYTHING, path)
    good, draw = path.read_bytes(), random.Random(7)
    outcomes = {"refused": 0, "same": 0}
    files = set(tmp_path.rglob("*")) | {bad}
    for attempt in range(10_000):
        mutant = MUTATIONS[attempt % len(MUTATIONS)](good, draw)
        bad.write_bytes(mutant)
        try:
            import_bundle(elsewhere, bad, dry_run=True)
        except BundleError:
            outcomes["refused"] += 1
        else:
            assert means(mutant) == means(good), attempt
            outcomes["same"] += 1
    assert outcomes["refused"] > 9_000, outcomes
    assert stored(elsewhere) == (0, 0, 0)
    assert {path for path in tmp_path.rglob("*") if not path.name.startswith("store.db")} <= files
    bad.write_bytes(MUTATIONS[1](good, draw))
    with pytest.raises(BundleError, match="nothing was imported"):
        import_bundle(elsewhere, bad)
    assert stored(elsewhere) == (0, 0, 0)


def means(bundle: bytes) -> list[Any]:
    """Return what a bundle says, whatever its spaces are."""
    return [json.loads(line) for line in bundle.splitlines()]


def flipped(good: bytes, draw: random.Random) -> bytes:
    """Flip one bit."""
    at = draw.randrange(len(good))
    return good[:at] + bytes([good[at] ^ 1 << draw.randrange(8)]) + good[at + 1 :]


def cut(good: bytes, draw: random.Random) -> bytes:
    """Cut the end off."""
    return good[: draw.randrange(len(good))]


def swapped(good: bytes, draw: random.Random) -> bytes:
    """Swap two lines, and repair the header."""
    lines = good.splitlines(keepends=True)
    one, other = draw.sample(range(1, len(lines)), 2)
    lines[one], lines[other] = lines[other], lines[one]
    return repaired(lines)


def doubled(good: bytes, draw: random.Random) -> bytes:
    """Have a line twice, and repair the header."""
    lines = good.splitlines(keepends=True)
    at = draw.randrange(1, len(lines))
    return repaired([*lines[:at], lines[at], *lines[at:]])


def dropped(good: bytes, draw: random.Random) -> bytes:
    """Leave a component or a configuration out, and repair the header and its counts."""
    lines = good.splitlines(keepends=True)
    wanted = [at for at, line in enumerate(lines) if line.startswith((b'{"comp', b'{"conf'))]
    del lines[draw.choice(wanted)]
    return repaired(lines, counts=True)


def renumbered(good: bytes, draw: random.Random) -> bytes:
    """Change a digit anywhere after the header, and repair the header."""
    lines = good.splitlines(keepends=True)
    at = draw.randrange(1, len(lines))
    line = lines[at]
    digits = [place for place, byte in enumerate(line) if chr(byte).isdigit()]
    place = draw.choice(digits)
    other = draw.choice([d for d in b"0123456789" if d != line[place]])
    lines[at] = line[:place] + bytes([other]) + line[place + 1 :]
    return repaired(lines)


def refielded(good: bytes, draw: random.Random) -> bytes:
    """Give a field of a record a value that it cannot have, with its checksum as it was."""
    lines = good.splitlines(keepends=True)
    at = draw.choice([n for n, line in enumerate(lines) if line.startswith(b'{"rec')])
    row = json.loads(lines[at])["record"]
    values: list[Any] = [
        None,
        -1,
        1e400,
        True,
        "",
        "\0",
        "../../etc/passwd",
        [],
        {},
        2**70,
        "x" * 400,
    ]
    row[draw.choice([name for name in row if name not in ("origin", "who")])] = draw.choice(values)
    try:
        lines[at] = (
            json.dumps({"record": row}, sort_keys=True, separators=(",", ":")) + "\n"
        ).encode()
    except ValueError:
        return b""
    return repaired(lines)


def nested(good: bytes, draw: random.Random) -> bytes:
    """Put something deep where something flat was."""
    lines = good.splitlines(keepends=True)
    depth = draw.randrange(40, 5000)
    lines[draw.randrange(len(lines))] = b"[" * depth + b"]" * depth + b"\n"
    return repaired(lines)


def twice(good: bytes, draw: random.Random) -> bytes:
    """Have a key twice in one object."""
    lines = good.splitlines(keepends=True)
    at = draw.choice([n for n, line in enumerate(lines) if line.startswith(b'{"rec')])
    lines[at] = lines[at].replace(b'{"record":{', b'{"record":{"who":"mallory",', 1)
    return repaired(lines)


def repaired(lines: list[bytes], *, counts: bool = False) -> bytes:
    """Make the header fit what follows."""
    try:
        header = json.loads(lines[0])
        header["sha256"] = hashlib.sha256(b"".join(lines[1:])).hexdigest()
        if counts:
            for name in ("component", "config", "record"):
                header["counts"][f"{name}s"] = sum(
                    line.startswith(f'{{"{name}'.encode()) for line in lines[1:]
                )
        lines[0] = (json.dumps(header, sort_keys=True, separators=(",", ":")) + "\n").encode()
    except (ValueError, TypeError, RecursionError):
        pass
    return b"".join(lines)


MUTATIONS: list[Callable[[bytes, random.Random], bytes]] = [
    flipped, cut, swapped, doubled, dropped, renumbered, refielded, nested, twice,
]  # fmt: skip


def test_a_record_that_differs_from_the_one_here_is_refused(
    sql_bench: SqlBench, elsewhere: Store, tmp_path: Path
) -> None:
    """One uid, two contents: somebody changed something, and nothing is imported."""
    filled(sql_bench)
    export_bundle(sql_bench.store, EVERYTHING, tmp_path / "a")
    import_bundle(elsewhere, tmp_path / "a")
    with elsewhere.write() as connection:
        connection.exec_driver_sql("UPDATE record SET doc_sha = ? WHERE seq = 1", ("0" * 64,))
    with pytest.raises(BundleError, match="other content"):
        import_bundle(elsewhere, tmp_path / "a")


@pytest.mark.parametrize("text", [b"", b"\n", b"hello", b"{}\n", b"\x1f\x8brubbish", b"[1]\n"])
def test_what_is_no_bundle(elsewhere: Store, tmp_path: Path, text: bytes) -> None:
    """The error names the file."""
    (tmp_path / "a").write_bytes(text)
    with pytest.raises(BundleError, match=str(tmp_path / "a")):
        import_bundle(elsewhere, tmp_path / "a")


def test_a_missing_file_and_a_bomb(
    elsewhere: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are refused, with what is wrong."""
    with pytest.raises(BundleError, match="cannot be read"):
        import_bundle(elsewhere, tmp_path / "nowhere")
    monkeypatch.setattr("sweeper.store.bundle._LARGEST", 2**20)
    (tmp_path / "bomb").write_bytes(gzip.compress(b"0" * 2**24))
    with pytest.raises(BundleError, match="more than"):
        import_bundle(elsewhere, tmp_path / "bomb")


def test_a_file_that_cannot_be_written(sql_bench: SqlBench, tmp_path: Path) -> None:
    """Nothing half is left."""
    filled(sql_bench)
    with pytest.raises(CacheError, match="cannot be written"):
        export_bundle(sql_bench.store, EVERYTHING, tmp_path / str(uuid4()) / "a")
