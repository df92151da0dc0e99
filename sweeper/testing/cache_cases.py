"""What every cache must do: derive a test class from ``CacheCases`` and give it a ``bench``.

    class TestMyCache(CacheCases):
        @pytest.fixture
        def bench(self) -> StoreBench: ...

pytest collects the derived class; the ledger of the same store takes part, because records get into
a store by being settled.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from sweeper.errors import Deposed
from sweeper.model import Busy, Hit, Mine, Progress, RecordStatus, TrialState
from sweeper.store.mode import CacheMode, CachePolicy
from sweeper.testing.store_bench import TTL_S, StoreBench, driver, key_of, record_of

__all__ = ["CacheCases"]

HALF_WAY = Progress(steps=2, steps_total=30, energy_j=1.5, elapsed_s=0.5)


class CacheCases:
    """The contract of ``seams.Cache``."""

    def test_an_unknown_key_is_a_miss_and_may_be_trained(self, bench: StoreBench) -> None:
        """A key that nobody asked before is absent from a lookup and granted with a claim."""
        ann, key = driver(bench), key_of(0.1)
        assert ann.cache.lookup([key]) == {}
        mine = ann.cache.acquire(key, ann.attempt(0, key))
        assert isinstance(mine, Mine)
        assert mine.claim is not None
        assert mine.claim.run_key == key.run_key

    def test_a_granted_attempt_is_in_the_ledger(self, bench: StoreBench) -> None:
        """The grant and the attempt's row are one commit."""
        ann, key = driver(bench), key_of(0.1)
        attempt, _ = ann.claim(0, key)
        (row,) = ann.rows()
        assert (row.id, row.state, row.run_key) == (attempt.id, TrialState.RUNNING, key.run_key)

    def test_a_parked_attempt_runs_once_it_is_granted(self, bench: StoreBench) -> None:
        """The row that said parked says running after the grant."""
        ann, key = driver(bench), key_of(0.1)
        parked = ann.attempt(0, key, parked=True)
        ann.ledger.start(parked)
        assert [row.state for row in ann.rows()] == [TrialState.PARKED]
        ann.cache.acquire(key, parked)
        assert [row.state for row in ann.rows()] == [TrialState.RUNNING]

    def test_a_claimed_key_is_busy_for_others(self, bench: StoreBench) -> None:
        """Who asks second hears who trains, how far it is, and when the lease ends."""
        ann, bob, key = driver(bench), driver(bench, who="bob", host="n2"), key_of(0.1)
        _, claim = ann.claim(0, key)
        assert ann.cache.renew({claim: HALF_WAY}) == frozenset()
        busy = bob.cache.acquire(key, bob.attempt(0, key))
        assert isinstance(busy, Busy)
        assert (busy.who, busy.host, busy.steps, busy.steps_total) == ("ann", "n1", 2, 30)
        assert 0 < busy.expires_in_s <= TTL_S + 0.001
        assert bob.rows() == []

    def test_two_seeds_of_one_configuration_are_two_questions(self, bench: StoreBench) -> None:
        """A claim on one seed leaves the other free."""
        ann, bob = driver(bench), driver(bench, who="bob")
        ann.claim(0, key_of(0.1, seed=1))
        bob.claim(0, key_of(0.1, seed=2))

    def test_asking_again_replaces_the_claim(self, bench: StoreBench) -> None:
        """A grant whose reply was lost is repeated with a new fence; the old one is lost."""
        ann, key = driver(bench), key_of(0.1)
        attempt, first = ann.claim(0, key)
        again = ann.cache.acquire(key, attempt)
        assert isinstance(again, Mine)
        assert again.claim is not None
        assert again.claim.fence > first.fence
        assert ann.cache.renew({first: HALF_WAY, again.claim: HALF_WAY}) == {first}
        assert len(ann.rows()) == 1

    def test_an_expired_claim_is_taken_over(self, bench: StoreBench) -> None:
        """After the lease another driver trains; the first one hears of it and cannot interfere."""
        ann, bob, key = driver(bench), driver(bench, who="bob"), key_of(0.1)
        _, stale = ann.claim(0, key)
        bench.advance(TTL_S + 1)
        _, claim = bob.claim(0, key)
        assert ann.cache.renew({stale: HALF_WAY}) == {stale}
        ann.cache.release(stale)
        assert bob.cache.renew({claim: HALF_WAY}) == frozenset()

    def test_only_ones_own_claims_are_extended(self, bench: StoreBench) -> None:
        """A claim of somebody else is a lost one, and stays as it is."""
        ann, bob, key = driver(bench), driver(bench, who="bob"), key_of(0.1)
        _, claim = ann.claim(0, key)
        assert bob.cache.renew({claim: HALF_WAY}) == {claim}
        bob.cache.release(claim)
        assert ann.cache.renew({claim: HALF_WAY}) == frozenset()

    def test_a_late_renewal_is_good_if_nobody_took_over(self, bench: StoreBench) -> None:
        """A driver that was asleep keeps its claim when nobody wanted it."""
        ann, bob, key = driver(bench), driver(bench, who="bob"), key_of(0.1)
        _, claim = ann.claim(0, key)
        bench.advance(TTL_S + 1)
        assert ann.cache.renew({claim: HALF_WAY}) == frozenset()
        assert isinstance(bob.cache.acquire(key, bob.attempt(0, key)), Busy)

    def test_who_slept_keeps_what_nobody_wanted(self, bench: StoreBench) -> None:
        """Another sweep that begins meanwhile does not cost a sleeper its training."""
        ann, key = driver(bench, who="ann"), key_of(0.1)
        _, claim = ann.claim(0, key)
        bench.advance(2 * TTL_S)
        driver(bench, who="bob")
        assert ann.cache.renew({claim: Progress(1, 3, 1.0, 1.0)}) == frozenset()

    def test_renewing_nothing_loses_nothing(self, bench: StoreBench) -> None:
        """An empty renewal is allowed."""
        assert driver(bench).cache.renew({}) == frozenset()

    def test_a_released_key_is_free(self, bench: StoreBench) -> None:
        """A claim that is given back can be granted at once; giving it back twice is harmless."""
        ann, bob, key = driver(bench), driver(bench, who="bob"), key_of(0.1)
        _, claim = ann.claim(0, key)
        ann.cache.release(claim)
        ann.cache.release(claim)
        bob.claim(0, key)

    def test_a_record_comes_back_bit_for_bit(self, bench: StoreBench) -> None:
        """What was settled is what is served, with its producer."""
        ann, bob, key = driver(bench), driver(bench, who="bob"), key_of(0.1)
        record = ann.train(0, key)
        hit = bob.cache.acquire(key, bob.attempt(0, key))
        assert isinstance(hit, Hit)
        assert (hit.record, hit.who) == (record, "ann")
        assert repr(hit.record) == repr(record)
        assert bob.cache.lookup([key]) == {key.run_key: hit}
        assert bob.rows() == []

    def test_a_lookup_returns_exactly_what_is_known(self, bench: StoreBench) -> None:
        """Of many keys the known ones are answered, each with its own record."""
        ann, keys = driver(bench), [key_of(0.1 * i) for i in range(6)]
        known = {keys[i].run_key: ann.train(i, keys[i]).uid for i in (1, 4)}
        assert _uids(ann.cache.lookup(keys)) == known
        assert ann.cache.lookup([]) == {}

    def test_the_first_complete_record_answers_for_good(self, bench: StoreBench) -> None:
        """Later records of a key are repeat observations, whatever their length."""
        ann, key = driver(bench), key_of(0.1)
        first = ann.train(0, key, steps=3)
        for number, status in enumerate([RecordStatus.COMPLETE, RecordStatus.PRUNED], start=1):
            later = record_of(key, status=status, steps=9)
            ann.ledger.settle(ann.trained(ann.attempt(number, key), later))
        assert _uids(ann.cache.lookup([key])) == {key.run_key: first.uid}

    def test_a_complete_record_is_preferred_to_longer_prefixes(self, bench: StoreBench) -> None:
        """An end is worth more than steps."""
        ann, key = driver(bench), key_of(0.1)
        ann.train(0, key, status=RecordStatus.PRUNED, steps=9)
        complete = record_of(key, steps=3)
        ann.ledger.settle(ann.trained(ann.attempt(1, key), complete))
        assert _uids(ann.cache.lookup([key])) == {key.run_key: complete.uid}

    @pytest.mark.parametrize("status", [RecordStatus.PRUNED, RecordStatus.DIVERGED])
    def test_a_prefix_answers_up_to_its_end(self, bench: StoreBench, status: RecordStatus) -> None:
        """A pruned or diverged record is an answer only for who needs no more than it has."""
        ann, bob, key = driver(bench), driver(bench, who="bob"), key_of(0.1)
        record = ann.train(0, key, status=status, steps=4)
        for beyond in (-1, 3):
            hit = bob.cache.acquire(key, bob.attempt(0, key), beyond=beyond)
            assert isinstance(hit, Hit)
            assert hit.record == record
        assert isinstance(bob.cache.acquire(key, bob.attempt(0, key), beyond=4), Mine)

    def test_the_longest_prefix_answers(self, bench: StoreBench) -> None:
        """Of several prefixes the longest one is served."""
        ann, key = driver(bench), key_of(0.1)
        uids = [
            ann.train(i, key, status=RecordStatus.PRUNED, steps=steps, beyond=99).uid
            for i, steps in enumerate([4, 7, 2])
        ]
        assert _uids(ann.cache.lookup([key])) == {key.run_key: uids[1]}

    @pytest.mark.parametrize("status", [RecordStatus.OOM, RecordStatus.ERROR])
    def test_a_failure_answers_nothing(self, bench: StoreBench, status: RecordStatus) -> None:
        """A failed training is a fact, and the next one who asks may try again."""
        ann, bob, key = driver(bench), driver(bench, who="bob"), key_of(0.1)
        ann.train(0, key, status=status, steps=4)
        assert bob.cache.lookup([key]) == {}
        bob.claim(0, key)

    def test_a_tainted_record_answers_nothing(self, bench: StoreBench) -> None:
        """A record that says why it must not be served is not served."""
        ann, key = driver(bench), key_of(0.1)
        ann.train(0, key, tainted="a file changed while it ran")
        assert ann.cache.lookup([key]) == {}

    def test_read_only_is_answered_but_claims_nothing(self, bench: StoreBench) -> None:
        """In mode ro there are hits, no claims, no waiting, no records; the ledger is kept."""
        ann, key, other = driver(bench), key_of(0.1), key_of(0.2)
        guest = driver(bench, who="bob", mode=CacheMode.RO)
        ann.train(0, key)
        assert isinstance(guest.cache.acquire(key, guest.attempt(0, key)), Hit)
        ann.claim(1, other)
        attempt = guest.attempt(1, other)
        assert guest.cache.acquire(other, attempt) == Mine(None)
        guest.ledger.settle(guest.trained(attempt, record_of(other)))
        assert ann.cache.lookup([other]) == {}
        (row,) = guest.rows()
        assert (row.state, row.record_uid) == (TrialState.COMPLETE, None)

    def test_without_a_cache_everything_is_trained(self, bench: StoreBench) -> None:
        """In mode off nothing is known and nothing claimed; the ledger is kept."""
        ann, key = driver(bench), key_of(0.1)
        ann.train(0, key)
        loner = driver(bench, who="bob", mode=CacheMode.OFF)
        assert loner.cache.lookup([key]) == {}
        assert loner.cache.acquire(key, loner.attempt(0, key)) == Mine(None)
        assert loner.cache.renew({}) == frozenset()
        assert [row.state for row in loner.rows()] == [TrialState.RUNNING]

    def test_a_deposed_driver_is_granted_nothing(self, bench: StoreBench) -> None:
        """Who lost the sweep cannot start trials in it, nor hold up who owns it."""
        old, key = driver(bench), key_of(0.1)
        bench.advance(TTL_S + 1)
        new = driver(bench)
        with pytest.raises(Deposed):
            old.cache.acquire(key, old.attempt(0, key))
        new.claim(0, key)

    # --- terms ---

    def test_a_failure_is_tried_again(self, bench: StoreBench) -> None:
        """Without ``refuse`` failures are facts, never answers, however many there are."""
        key = key_of(0.1)
        for name in "abc":
            driver(bench, name=name).train(0, key, status=RecordStatus.OOM)
        ann = driver(bench)
        assert isinstance(ann.cache.acquire(key, ann.attempt(0, key)), Mine)

    @pytest.mark.parametrize("status", [RecordStatus.OOM, RecordStatus.DIVERGED])
    def test_two_failures_refuse(self, bench: StoreBench, status: RecordStatus) -> None:
        """One may be an accident; after the second the newest is the answer."""
        key, policy = key_of(0.1), CachePolicy(refuse=frozenset((status,)))
        driver(bench, name="a").train(0, key, status=status, steps=0)
        ann = driver(bench, policy=policy)
        mine = ann.cache.acquire(key, ann.attempt(0, key), beyond=0)
        assert isinstance(mine, Mine)
        assert mine.claim is not None
        ann.cache.release(mine.claim)
        last = driver(bench, name="b").train(0, key, status=status, steps=0, beyond=0)
        hit = ann.cache.acquire(key, ann.attempt(1, key), beyond=0)
        assert isinstance(hit, Hit)
        assert (hit.refused, hit.record.uid) == (True, last.uid)

    def test_tainted_failures_do_not_count(self, bench: StoreBench) -> None:
        """What may not be served may not refuse either."""
        key, policy = key_of(0.1), CachePolicy(refuse=frozenset((RecordStatus.OOM,)))
        for name in "ab":
            driver(bench, name=name).train(0, key, status=RecordStatus.OOM, tainted="edited")
        ann = driver(bench, policy=policy)
        assert isinstance(ann.cache.acquire(key, ann.attempt(0, key)), Mine)

    def test_a_result_beats_failures(self, bench: StoreBench) -> None:
        """Where somebody succeeded, nothing is refused."""
        key, policy = key_of(0.1), CachePolicy(refuse=frozenset((RecordStatus.OOM,)))
        for name in "ab":
            driver(bench, name=name).train(0, key, status=RecordStatus.OOM, steps=0)
        best = driver(bench, name="c").train(0, key)
        ann = driver(bench, policy=policy)
        hit = ann.cache.acquire(key, ann.attempt(0, key))
        assert isinstance(hit, Hit)
        assert (hit.refused, hit.record.uid) == (False, best.uid)

    def test_who_does_not_park_trains_unclaimed(self, bench: StoreBench) -> None:
        """A busy key is trained as well; the other driver's claim stays its own."""
        ann, key = driver(bench), key_of(0.1)
        _, claim = ann.claim(0, key)
        bob = driver(bench, who="bob", policy=CachePolicy(park=False))
        assert bob.cache.acquire(key, bob.attempt(0, key)) == Mine(None)
        assert [row.state for row in bob.rows()] == [TrialState.RUNNING]
        assert ann.cache.renew({claim: HALF_WAY}) == frozenset()

    def test_recache_trains_what_is_answered(self, bench: StoreBench) -> None:
        """Records from before the sweep are no answers to it; its own are."""
        key = key_of(0.1)
        driver(bench, name="old").train(0, key)
        bench.advance(5)
        again = driver(bench, policy=CachePolicy(recache=True))
        assert again.cache.lookup([key]) == {}
        own = again.train(0, key)
        hit = again.cache.acquire(key, again.attempt(1, key))
        assert isinstance(hit, Hit)
        assert hit.record.uid == own.uid

    def test_a_complete_record_may_be_a_prefix(self, bench: StoreBench) -> None:
        """Where the horizon is no part of the key, what ended before it is one."""
        key, policy = key_of(0.1), CachePolicy(whole_from=5)
        short = driver(bench, name="a").train(0, key, steps=3)
        ann = driver(bench, policy=policy)
        hit = ann.cache.acquire(key, ann.attempt(0, key))
        assert isinstance(hit, Hit)
        assert hit.record.uid == short.uid
        long = ann.train(1, key, steps=5, beyond=3)
        for beyond in (-1, 3, 5):
            hit = ann.cache.acquire(key, ann.attempt(2 + beyond, key), beyond=beyond)
            assert isinstance(hit, Hit)
            assert hit.record.uid == long.uid


def _uids(hits: Mapping[str, Hit]) -> dict[str, object]:
    """Return which record answers each key."""
    return {run_key: hit.record.uid for run_key, hit in hits.items()}
