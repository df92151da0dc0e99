"""Drivers are killed, stopped and lied to, on both engines; then a judge looks at what is left."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.store.chaos.mutants import MUTANTS

_ROOT = Path(__file__).parents[2]
_KILLS = 100
_MOST_ROUNDS = 5


def _chaos(*options: str) -> tuple[int, Any]:
    """Run it in a process of its own: drivers are forks, and a fork wants no threads."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.store.chaos", "--json", *options],
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        text=True,
        timeout=240,
        check=False,
    )
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize(
    "store", [(), pytest.param(("--postgres",), marks=pytest.mark.postgres)], ids=["file", "server"]
)
def test_a_hundred_kills_break_no_promise(store: tuple[str, ...]) -> None:
    """Rounds until there were 100; the server of a round crashes, too."""
    kills = tells = late = 0
    for _ in range(_MOST_ROUNDS):
        code, found = _chaos("--seconds", "16", *store)
        assert found["violations"] == []
        assert code == 0
        kills += found["counts"]["kills"]
        tells += found["counts"]["tells"]
        late += found["counts"].get("late records", 0)
        if kills >= _KILLS and late:
            break
    assert kills >= _KILLS
    assert tells > _KILLS / 2, "the drivers got some work done"


# Each race is rare on a machine that does much else. What breaks between a look and a claim, or
# after a claim was lost, needs drivers that live long enough to end what they train; the others
# need drivers that die.
_CALM = ("--drivers", "4", "--kills", "0.2")
_WAYS = {
    "no second look": (*_CALM, "--hesitant", "0.06"),
    "claims without fence": (*_CALM, "--hesitant", "0.3"),
}
_WILD = ("--hesitant", "0.3")


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_broken_store_is_noticed(mutant: str) -> None:
    """A judge that finds nothing wrong with a broken store is worth nothing."""
    how = _WAYS.get(mutant, _WILD)
    code, found = _chaos("--mutant", mutant, "--first", "--round", "5", "--seconds", "200", *how)
    assert code == 1
    assert found["violations"]
