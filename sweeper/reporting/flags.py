"""What is odd about an energy figure, in plain words: the one table of all flags.

Owns: these sentences. The meter sets the flags (docs/energy.md, "What can be odd").
"""

from __future__ import annotations

from collections.abc import Mapping

from sweeper.reporting.clean import one_line

__all__ = ["FLAGS", "flag_line"]

FLAGS: Mapping[str, str] = {
    "counter_reset": "the GPU's energy counter fell back (the driver was loaded again, or the GPU "
    "was reset); the time around that was filled in",
    "counter_stuck": "the energy counter stood still although the GPU drew power; its power was "
    "used instead",
    "counter_implausible": "the energy counter did not agree with the GPU's power; its power was "
    "used instead",
    "counter_unchanged": "too short to measure: the energy counter did not move; what was used is "
    "in the next interval, and here only the most that it can be",
    "counter_unsupported": "this GPU, driver or container has no energy counter",
    "counter_gap": "the energy counter could not be read for a while",
    "gap": "nothing was read for a while; that time is an estimate",
    "unsettled": "read before the sensor had caught up with the end: up to one update is missing "
    "or too much",
    "idle_unknown": "what the GPU draws idle is not known, so no idle part was told apart; "
    "energy.gpu_idle_w gives it",
    "pid_namespace": "this container does not see the GPU's processes, so a shared GPU was split "
    "by booked fractions",
    "processes_unseen": "the GPU's processes could not be listed: others may have used it too",
    "agent_lost": "the node's energy agent died; the worker read the counter itself",
    "gpu_mismatch": "the trial ran on another GPU than the one that it was given",
    "gpu_lost": "the GPU fell off the bus; nothing is known from there on",
    "gpu_list_invalid": "the list of GPUs names one that is not there, or one twice: what follows "
    "in it was not measured",
    "nvml_unavailable": "NVIDIA's library NVML could not be asked (sweeper energy probe says why)",
    "mig_slice": "a slice of a GPU: only the whole board is measured, and was split by the sizes "
    "of the slices",
    "mig_slices_unknown": "the slice does not tell its size; it was taken for the smallest",
    "scope_module": "the sensor measures GPU and CPU of the module together",
    "too_short": "too short to measure: shorter than one update of the sensor; what was "
    "used is in the books as overhead",
    "energy_unreadable": "the GPU's energy could not be read at all",
    "cut_short": "never closed, because the driver died: only what was known by then, the least",
    "rapl_gap": "the CPU's energy counters could not be read for a while",
    "rapl_unchanged": "too short to measure: the CPU's energy counters did not move",
    "rapl_wrap_possible": "the CPU's energy counters were not read for so long that they may have "
    "run through once more: at least this much",
}


def flag_line(flag: str) -> str:
    """Explain a flag; one that is not in the table stands for itself."""
    name = one_line(flag)
    return f"{name}: {FLAGS[flag]}" if flag in FLAGS else name
