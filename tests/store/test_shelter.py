"""A sweep whose store goes away in the middle."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID, uuid4

import pytest

from sweeper.errors import CacheError
from sweeper.model import Outcome, Settled, Source, SweepIdentity, SweepState, TrialState
from sweeper.seams import Cache, Ledger
from sweeper.store.shelter import Outage, ShelteredCache, ShelteredLedger
from sweeper.store.spool import Spool, spool_of, spools
from sweeper.testing.failing_store import FailingCache, FailingLedger
from sweeper.testing.scripted_study import ScriptedStudy
from sweeper.testing.store_bench import attempt_on, key_of, record_of
from tests.sweep.bench import Bench, points


class Shelters:
    """Wraps the seams of a bench's next driver; time passes only when somebody waits."""

    def __init__(self, folder: Path, *, patience_s: float = 30.0) -> None:
        self.folder = folder
        self.said: list[str] = []
        self.now_s = 0.0
        self.away = False
        self.outage = Outage(
            self._reachable,
            self.said.append,
            patience_s=patience_s,
            probe_s=0.0,
            clock=lambda: self.now_s,
            sleep=self._sleep,
        )
        self.failing: FailingLedger | None = None
        self.sheltered: ShelteredLedger | None = None

    def _reachable(self, _timeout_s: float) -> bool:
        return not self.away and not (self.failing is not None and self.failing.is_blown)

    def _sleep(self, elapsed_s: float) -> None:
        self.now_s += elapsed_s

    def ledger(
        self, inner: Ledger, fail_at: int = 0, *, count: int = 1, after: bool = False
    ) -> Ledger:
        """Let calls fail, and shelter the sweep from it."""
        self.failing = FailingLedger(inner, fail_at, count=count, after=after)
        self.sheltered = ShelteredLedger(self.failing, self.outage, self._spool)
        return self.sheltered

    def cache(
        self, inner: Cache, fail_at: int = 0, *, count: int = 1, after: bool = False
    ) -> Cache:
        """Shelter the cache, too; the ledger must have been made."""
        assert self.sheltered is not None
        failing = FailingCache(inner, fail_at, count=count, after=after)
        return ShelteredCache(failing, self.outage, self.sheltered.recovered)

    def _spool(self, sweep: UUID) -> Spool:
        return spool_of(self.folder, sweep)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def check_all_told(bench: Bench, study: ScriptedStudy, count: int) -> None:
    """Every trial was told once, in the study and in the ledger, and was trained once."""
    assert sorted(number for number, _, _ in study.told) == list(range(count))
    told = [row for row in bench.history.attempts if row.told is not None]
    assert sorted(row.id.number for row in told) == list(range(count))
    assert len({row.told for row in told}) == count
    assert all(row.state is TrialState.COMPLETE for row in told)
    assert all(row.source is Source.RUN for row in told)
    assert bench.trained == count


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("fail_at", range(2, 12))
def test_one_failure_of_the_ledger_is_not_even_noticed(
    bench: Bench, tmp_path: Path, fail_at: int, after: bool
) -> None:
    """Whichever call fails, before or after its commit: nothing is lost, told twice or said."""
    shelters, study = Shelters(tmp_path), ScriptedStudy(points(3))
    result = bench.run(
        study, wrap_ledger=lambda inner: shelters.ledger(inner, fail_at, after=after),
        wrap_cache=lambda inner: shelters.cache(inner),
    )  # fmt: skip
    assert result.state is SweepState.COMPLETE
    check_all_told(bench, study, 3)
    assert shelters.said == []
    assert spools(tmp_path) == []


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("fail_at", range(1, 5))
def test_one_failure_of_the_cache_neither(
    bench: Bench, tmp_path: Path, fail_at: int, after: bool
) -> None:
    """The same for the cache: a granted claim whose answer was lost is granted again."""
    shelters, study = Shelters(tmp_path), ScriptedStudy(points(3))
    bench.run(
        study, wrap_ledger=lambda inner: shelters.ledger(inner),
        wrap_cache=lambda inner: shelters.cache(inner, fail_at, after=after),
    )  # fmt: skip
    check_all_told(bench, study, 3)
    assert shelters.said == []


@pytest.mark.parametrize("fail_at", range(2, 9))
def test_a_long_outage_of_the_ledger_is_told_once(
    bench: Bench, tmp_path: Path, fail_at: int
) -> None:
    """Results wait and are delivered; the user hears of the outage once and of its end once."""
    shelters, study = Shelters(tmp_path, patience_s=0.0), ScriptedStudy(points(4))
    bench.run(
        study, wrap_ledger=lambda inner: shelters.ledger(inner, fail_at, count=3),
        wrap_cache=lambda inner: shelters.cache(inner),
    )  # fmt: skip
    assert [text for text in shelters.said if "goes on without it" in text] == shelters.said[:1]
    assert len(shelters.said) <= 2
    again = ScriptedStudy(points(4))
    bench.now_s += 1000
    bench.run(again, wrap_ledger=lambda inner: Shelters(tmp_path).ledger(inner))
    check = {row.id.number for row in bench.history.attempts if row.told is not None}
    assert check == {0, 1, 2, 3}
    assert bench.trained == 0, "what had waited was not trained again"
    assert spools(tmp_path) == []


def test_a_cache_that_stays_away_lets_everything_be_trained(bench: Bench, tmp_path: Path) -> None:
    """After its patience the sweep trains unclaimed; it waits once, not once per trial."""
    shelters, study = Shelters(tmp_path), ScriptedStudy(points(5))
    result = bench.run(
        study, wrap_ledger=lambda inner: shelters.ledger(inner),
        wrap_cache=lambda inner: shelters.cache(inner, 1, count=10**6),
    )  # fmt: skip
    assert result.state is SweepState.COMPLETE
    check_all_told(bench, study, 5)


def test_a_store_that_is_gone_at_the_start_is_an_error(bench: Bench, tmp_path: Path) -> None:
    """Nothing was spent yet, so nothing goes on silently without a store."""
    shelters = Shelters(tmp_path)
    with pytest.raises(CacheError, match="as the test wanted"):
        bench.run(points(1), wrap_ledger=lambda inner: shelters.ledger(inner, 1))


def test_a_store_that_never_comes_back_says_where_results_are(bench: Bench, tmp_path: Path) -> None:
    """The sweep ends, reading it back fails with the file's name, the next run delivers."""
    shelters, study = Shelters(tmp_path), ScriptedStudy(points(3))
    shelters.away = False

    def gone(inner: Ledger) -> Ledger:
        ledger = shelters.ledger(inner, 2, count=10**6)
        shelters.away = True
        return ledger

    bench.run(study, wrap_ledger=gone)
    assert sorted(number for number, _, _ in study.told) == [0, 1, 2]
    assert shelters.sheltered is not None
    with pytest.raises(CacheError, match=r"3 result\(s\) wait in .*\.jsonl"):
        shelters.sheltered.load(bench.uid or uuid4())
    assert spools(tmp_path)[0].results == 3
    bench.now_s += 1000
    again = ScriptedStudy(points(3))
    bench.run(again, wrap_ledger=lambda inner: Shelters(tmp_path).ledger(inner))
    assert bench.trained == 0
    assert sorted(row.id.number for row in bench.history.attempts if row.told is not None) == [
        0,
        1,
        2,
    ]
    assert spools(tmp_path) == []


def test_facts_reach_a_sweep_that_was_taken_over(bench: Bench, tmp_path: Path) -> None:
    """A driver that was away too long loses its sweep, and its records are kept all the same."""
    shelters = Shelters(tmp_path, patience_s=0.0)
    holder, heir = uuid4(), uuid4()
    ledger = shelters.ledger(bench.store.ledger(holder=holder, who="ann"), 2, count=1)
    begun = ledger.begin(SweepIdentity("bench", "{}", "d" * 64))
    key = key_of(0.1)
    record = record_of(key)
    outcome = Outcome(TrialState.COMPLETE, record.curve, (), record.energy, 1.0)
    attempt = attempt_on(0, key, asked=0)
    ledger.settle(Settled(attempt, outcome, Source.RUN, 1, record))
    assert spools(tmp_path)[0].results == 1
    bench.now_s += 1000
    bench.store.ledger(holder=heir, who="ann").begin(SweepIdentity("bench", "{}", "d" * 64))
    assert shelters.sheltered is not None
    assert shelters.sheltered.recovered()
    assert [hit.record.uid for hit in bench.store.hits] == [record.uid]
    assert begun.uid
