"""How many workers fit."""

from __future__ import annotations

import pytest

from sweeper.errors import PoolError
from sweeper.workers.slots import Resources, Slots, fit


@pytest.mark.parametrize(
    ("resources", "cpus", "gpus", "expected"),
    [
        (Resources(), 8, 0, Slots(8, 1, 0)),
        (Resources(), 16, 4, Slots(4, 4, 1)),
        (Resources(gpus=0), 8, 4, Slots(8, 1, 0)),
        (Resources(cpus=3), 8, 0, Slots(2, 3, 0)),
        (Resources(gpus=0.25), 16, 2, Slots(8, 1, 0.25)),
        (Resources(gpus=0.3), 16, 2, Slots(6, 1, 0.3)),
        (Resources(gpus=2), 16, 5, Slots(2, 1, 2)),
        (Resources(cpus=1, workers=5), 2, 0, Slots(5, 1, 0)),
        (Resources(gpus=1, cpus=8, workers=1), 4, 1, Slots(1, 8, 1)),
    ],
    ids=str,
)
def test_slots(resources: Resources, cpus: float, gpus: float, expected: Slots) -> None:
    """One worker per GPU sharing the CPUs, else one per CPU, else what the file asks for."""
    assert fit(resources, cpus=cpus, gpus=gpus) == expected


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        (Resources(gpus=1), "asks for 1 CPU and 1 GPU, but there are 2 CPUs and 0 GPUs"),
        (Resources(cpus=4), "asks for 4 CPU"),
        (Resources(gpus=0.5, workers=3), "3 workers with 0.5 GPU each do not fit on 0 GPUs"),
    ],
    ids=["gpu", "cpu", "workers"],
)
def test_what_does_not_fit_is_told(resources: Resources, expected: str) -> None:
    """The message has both what was asked and what there is."""
    with pytest.raises(PoolError, match=expected):
        fit(resources, cpus=2, gpus=0)
