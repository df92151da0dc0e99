"""The command: ``python -m tests.store.chaos``, or ``scripts/chaos``."""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.store.chaos.monkey import Report, Round
from tests.store.chaos.mutants import MUTANTS, break_store

_ROUND_S = 60.0


def main() -> int:
    """Run rounds until the time is over; the exit code is 1 when a promise was broken."""
    arguments = _arguments()
    if arguments.mutants:
        return _all_mutants(arguments)
    if arguments.mutant:
        break_store(arguments.mutant)
    seconds = arguments.seconds or 60 * arguments.minutes
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().getrandbits(32)
    whole, until = Report(), time.monotonic() + seconds
    with _place(arguments) as (url, restart):
        while (left := until - time.monotonic()) > 0.5:
            lasts = min(left, arguments.round)
            done = Round(
                url(), lasts, arguments.drivers, seed, restart, arguments.kills, arguments.hesitant
            ).run()
            whole.add(done)
            if not arguments.json:
                print(f"seed {seed}: {done}", flush=True)
            if whole.violations and arguments.first:
                break
            seed += 1
    _say(whole, as_json=arguments.json)
    return 1 if whole.violations else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seconds", type=float, help="instead of --minutes")
    parser.add_argument("--round", type=float, default=_ROUND_S, help="seconds between judgements")
    parser.add_argument("--store", metavar="URL", help="default: a new SQLite file per round")
    parser.add_argument(
        "--postgres", action="store_true", help="a server of our own, which crashes"
    )
    parser.add_argument("--drivers", type=int, default=7)
    parser.add_argument("--kills", type=float, default=7.0, help="per second")
    parser.add_argument("--hesitant", type=float, default=0.06, help="share of late writers")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--mutant", choices=MUTANTS, help="break the store on purpose")
    parser.add_argument("--mutants", action="store_true", help="each mutant, until it is caught")
    parser.add_argument("--first", action="store_true", help="end at the first violation")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


@contextmanager
def _place(
    arguments: argparse.Namespace,
) -> Iterator[tuple[Callable[[], str], Callable[[], None] | None]]:
    """Give a URL per round, and the way to crash its server."""
    if arguments.store:
        yield (lambda: arguments.store), None
    elif arguments.postgres:
        from tests.postgres import PostgresServer  # who has no server needs no driver

        server = PostgresServer()

        def crash() -> None:
            server.stop("immediate")
            server.start()

        try:
            yield (lambda: server.url(server.database())), crash
        finally:
            server.destroy()
    else:
        with tempfile.TemporaryDirectory(prefix="sweeper-chaos-") as folder:
            files = (Path(folder) / f"{number}.db" for number in range(10**6))
            yield (lambda: f"sqlite:///{next(files)}"), None


def _all_mutants(arguments: argparse.Namespace) -> int:
    """Run each mutant in a process of its own; every one must be caught."""
    import subprocess

    missed = []
    for mutant in MUTANTS:
        command = [sys.executable, "-m", "tests.store.chaos", "--mutant", mutant, "--first",
                   "--json", "--seconds", str(arguments.seconds or 60), "--round", "5",
                   "--kills", "3"]  # fmt: skip
        began_at = time.monotonic()
        done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
        found = json.loads(done.stdout)["kinds"] if done.returncode == 1 else {}
        print(f"{mutant}: {found or 'NOT CAUGHT'} in {time.monotonic() - began_at:.1f} s")
        if not found:
            missed.append(mutant)
    return 1 if missed else 0


def _say(whole: Report, *, as_json: bool) -> None:
    kinds: dict[str, int] = {}
    for line in whole.violations:
        kind = line.partition(":")[0]
        kinds[kind] = kinds.get(kind, 0) + 1
    if as_json:
        shown = whole.violations[:20]
        print(json.dumps({"counts": whole.counts, "kinds": kinds, "violations": shown}))
        return
    for line in whole.violations[:20]:
        print(f"VIOLATION {line}")
    print(f"in all: {whole}")


if __name__ == "__main__":
    sys.exit(main())
