"""Puts the parts together: the only place that knows every implementation.

Owns: the way from a sweep file to a running sweep, and from a store to what is read out of it.
Heavy libraries are imported where they are needed: a sweep that trains nothing never loads Ray.
"""

from sweeper.compose.planning import CheckedSweep, check, plan, sample
from sweeper.compose.reading import SweepView, trial_folder_of, view
from sweeper.compose.storing import open_store
from sweeper.compose.sweeps import Composed, RunOptions, compose

__all__ = [
    "CheckedSweep",
    "Composed",
    "RunOptions",
    "SweepView",
    "check",
    "compose",
    "open_store",
    "plan",
    "sample",
    "trial_folder_of",
    "view",
]
