"""What a replay sees of kept trainings, and of an objective that answers at once."""

from __future__ import annotations

import math

import pytest

from sweeper.model import Params
from sweeper.replay.table import Training
from sweeper.replay.tables import AskedTable, KeptTable, name_of
from tests.replay.grounds import straight


def test_joules_between_two_reports() -> None:
    """Energy grows evenly between reports, from zero on, and stays at its end."""
    training = Training((1, 2), (0.5, 0.4), (10.0, 40.0), (2.0, 4.0))
    at = [training.energy_at(seconds) for seconds in (0.0, 1.0, 2.0, 3.0, 4.0, 9.0)]
    assert at == [0.0, 5.0, 10.0, 25.0, 40.0, 40.0]


def test_unknown_joules_on_the_way_grow_with_time() -> None:
    """Of 30 J in 6 s a report after 2 s has 10 J; the value at the end is the given one."""
    reports = [(1, 0.5, 2.0, None), (2, 0.45, 4.0, 20.0)]
    training = Training.of(reports, 0.4, energy_j=30.0, elapsed_s=6.0)
    assert training == Training((1, 2), (0.5, 0.4), (10.0, 30.0), (2.0, 6.0))


def test_known_joules_are_kept() -> None:
    """What was measured on the way stays; nothing on the way exceeds the whole."""
    reports = [(1, 0.5, 2.0, 25.0), (2, 0.45, 4.0, 31.0)]
    training = Training.of(reports, 0.4, energy_j=30.0, elapsed_s=6.0)
    assert training.energy_j == (25.0, 30.0)


def test_a_training_without_reports_is_one_step() -> None:
    """Only its end is known."""
    assert Training.of([], 0.4, 30.0, 6.0) == Training((1,), (0.4,), (30.0,), (6.0,))
    assert Training.of([], math.nan, 30.0, 6.0).last is None


def kept(*, shared: bool) -> KeptTable:
    """Return a table of two points with three seeds each."""
    trainings = {name_of({"x": x}): [straight(x + seed / 10) for seed in range(3)] for x in (1, 2)}
    return KeptTable(trainings, shared=shared)


def test_a_repetition_sees_one_seed_per_point() -> None:
    """The same repetition sees the same run; over many all are seen; quality is the mean."""
    table = kept(shared=False)
    seen = [table.train({"x": 1}, repetition).last for repetition in range(40)]
    assert {1.0, 1.1, 1.2} == set(seen)
    assert seen == [table.train({"x": 1}, repetition).last for repetition in range(40)]
    assert table.quality({"x": 2}) == pytest.approx(2.1)
    pairs = {
        (table.train({"x": 1}, repetition).last, table.train({"x": 2}, repetition).last)
        for repetition in range(60)
    }
    assert len(pairs) == 9  # points draw on their own


def test_a_shared_seed_is_that_of_the_repetition() -> None:
    """As sweeps are trained: repetition 1 has seed 1 everywhere."""
    table = kept(shared=True)
    assert [table.train({"x": 1}, it).last for it in range(4)] == [1.0, 1.1, 1.2, 1.0]


def test_a_point_that_once_diverged_has_no_quality() -> None:
    """The mean over seeds is unknown if one of them has no value."""
    table = KeptTable({name_of({"x": 1}): [straight(1.0), straight(math.nan)]}, shared=False)
    assert math.isnan(table.quality({"x": 1}))


def test_an_objective_is_asked_once() -> None:
    """Each point and seed is asked once; the truth is the mean over the first seeds."""
    asked: list[tuple[float, int]] = []

    def ask(params: Params, seed: int) -> Training:
        asked.append((params["x"], seed))
        return straight(params["x"] + seed)

    table = AskedTable(ask, seeds=3)
    assert table.train({"x": 1}, 1).last == 2
    assert table.quality({"x": 1}) == 2
    assert table.quality({"x": 1}) == 2
    assert sorted(asked) == [(1, 0), (1, 1), (1, 2)]
    assert table.identity({"a": 1, "b": 2}) == table.identity({"b": 2, "a": 1})
