"""A hand-computed sweep on one GPU, for the tests of what is said about GPUs.

trial 0            400 J, lo 320, hi 560;  60 s, 10 % busy, 8 GiB
trial 1            600 J, lo 480, hi 840; 120 s, 16 % busy, 6 GiB
overhead           200 J
strangers          50 J
board              1250 J                  -> closes
"""

from __future__ import annotations

from sweeper.model import Energy, GpuEnergy, RegionEnergy, SweepHistory, TrialRow
from sweeper.testing.histories import history_of, sweep_row, trial_row

UUID = "GPU-3f2a1b9c-0000-4000-8000-000000000001"
OTHER = "GPU-77777777-0000-4000-8000-000000000002"
GIB = 2**30


def board(
    energy_j: float | None,
    *,
    uuid: str = UUID,
    device_j: float | None = None,
    external_j: float | None = None,
    utilisation: float | None = None,
    memory_peak_bytes: int | None = None,
) -> GpuEnergy:
    """Return one board's line."""
    return GpuEnergy(
        uuid,
        "NVIDIA H200",
        energy_j,
        device_j=device_j,
        external_j=external_j,
        power_limit_w=700.0,
        idle_w=75.0,
        update_s=0.1,
        utilisation=utilisation,
        memory_peak_bytes=memory_peak_bytes,
        memory_bytes=140 * GIB,
        temp_start_c=41.0,
        temp_end_c=55.0,
    )


def account(
    energy_j: float,
    *lines: GpuEnergy,
    u_rel: float | None = 0.06,
    flags: tuple[str, ...] = (),
    regions: tuple[RegionEnergy, ...] = (),
) -> Energy:
    """Return the account of one trial on shared boards."""
    return Energy(
        energy_j,
        "measured:counter",
        "gpu",
        attribution="sm_util",
        lo_j=0.8 * energy_j,
        hi_j=1.4 * energy_j,
        idle_j=0.25 * energy_j,
        u_rel=u_rel,
        cpu_j=energy_j / 10,
        cpu_source="estimated:cpu_load",
        gpus=lines or (board(energy_j),),
        flags=flags,
        regions=regions,
    )


def overhead(*lines: GpuEnergy, total_j: float = 200.0, flags: tuple[str, ...] = ()) -> Energy:
    """Return the overhead's account with the agents' lines."""
    return Energy(
        total_j,
        "measured:counter",
        "gpu",
        attribution="none",
        idle_j=150.0,
        gpus=lines,
        flags=flags,
    )


TRIALS: tuple[TrialRow, ...] = (
    trial_row(
        0,
        [0.5],
        energy=account(
            400.0, board(400.0, device_j=560.0, utilisation=0.10, memory_peak_bytes=8 * GIB)
        ),
        elapsed_s=60.0,
    ),
    trial_row(
        1,
        [0.6],
        energy=account(
            600.0, board(600.0, device_j=840.0, utilisation=0.16, memory_peak_bytes=6 * GIB)
        ),
        elapsed_s=120.0,
    ),
)
OVERHEAD = overhead(board(200.0, device_j=1250.0, external_j=50.0, utilisation=0.3))
SHARED: SweepHistory = history_of(*TRIALS, sweep=sweep_row(overhead=OVERHEAD))
