from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.model import TrialRow
from sweeper.reporting.utilisation import gpu_use, packing
from sweeper.testing.histories import trial_row
from tests.reporting.gpus import GIB, SHARED, TRIALS, account, board
from tests.reporting.samples import summary_of


def row(
    busy: float | None, peak_gib: float | None, *, elapsed_s: float = 60.0, number: int = 0
) -> TrialRow:
    """Return a trial that kept its board so busy and held so much of its 140 GiB."""
    peak = None if peak_gib is None else round(peak_gib * GIB)
    line = board(100.0, utilisation=busy, memory_peak_bytes=peak)
    return trial_row(number, energy=account(100.0, line), elapsed_s=elapsed_s)


def test_the_mean_is_weighted_by_time() -> None:
    """10 % of one minute and 16 % of two are 14 %; of memory the most counts."""
    use = gpu_use(TRIALS)
    assert use.busy == pytest.approx(0.14)
    assert (use.memory_peak_bytes, use.memory_bytes) == (8 * GIB, 140 * GIB)


def test_unknown_use_is_unknown() -> None:
    """A trial of which nothing is known has null for both."""
    assert gpu_use([trial_row(0, energy=5.0)]).to_json() == {
        "gpu_utilisation": None,
        "gpu_memory_peak_bytes": None,
    }


@pytest.mark.parametrize(
    ("busy", "peak_gib", "each", "trials"),
    [
        pytest.param(0.40, 8, None, 2, id="two"),
        pytest.param(0.14, 8, None, 5, id="five"),
        pytest.param(0.01, 1, 1.0, 10, id="ten-at-most"),
        pytest.param(0.01, 30, 1.0, 4, id="memory-decides"),
        pytest.param(0.01, 80, 1.0, None, id="memory-of-one-is-too-much"),
        pytest.param(0.47, 1, 1.0, None, id="two-would-be-too-many"),
        pytest.param(0.50, 1, 1.0, None, id="busy-enough"),
        pytest.param(0.10, 8, 0.25, 8, id="shared-already"),
        pytest.param(0.13, 8, 0.25, None, id="shared-and-busy"),
        pytest.param(0.01, 1, 0.1, None, id="no-more-than-ten"),
        pytest.param(0.10, 1, 2.0, None, id="several-gpus-each"),
        pytest.param(0.10, 1, 0.0, None, id="none"),
        pytest.param(None, 1, 1.0, None, id="utilisation-unknown"),
        pytest.param(0.10, None, 1.0, None, id="memory-unknown"),
    ],
)
def test_how_many_trials_a_gpu_would_have_carried(
    busy: float | None, peak_gib: float | None, each: float | None, trials: int | None
) -> None:
    """The most that keep time and memory below 90 %, where GPUs were mostly idle."""
    found = packing([row(busy, peak_gib)], each)
    assert (None if found is None else found.trials) == trials


def test_a_hint_needs_most_of_the_time() -> None:
    """Utilisation that is known for a minute of ten says nothing about the sweep."""
    rows = [row(0.1, 1), row(None, 1, elapsed_s=540.0, number=1)]
    assert packing(rows, 1.0) is None
    assert packing([rows[0], replace(rows[1], elapsed_s=30.0)], 1.0) is not None


@given(st.floats(0, 1), st.floats(0.01, 140), st.sampled_from([1.0, 0.5, 0.25, 0.2, 0.125]))
def test_what_is_hinted_at_fits(busy: float, peak_gib: float, each: float) -> None:
    """Whatever is named is more than there was, and leaves a tenth of time and memory."""
    found = packing([row(busy, peak_gib)], each)
    if found is not None:
        assert found.trials > 1 / each
        assert found.trials * found.busy <= 0.9
        assert found.trials * found.memory_peak_bytes <= 0.9 * found.memory_bytes
        assert found.gpus * found.trials <= 1 < (found.gpus + 0.002) * found.trials


def test_the_summary_has_it() -> None:
    """The JSON names the share of a GPU, and why."""
    assert summary_of(SHARED).to_json()["packing"] == {
        "utilisation": pytest.approx(0.14),
        "trials_per_gpu": 5,
        "gpus": 0.2,
        "memory_peak_bytes": 8 * GIB,
        "memory_bytes": 140 * GIB,
    }
