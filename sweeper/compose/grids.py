"""From a sweep file to the grid search that the sweep replaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sweeper.compose.searching import space_errors
from sweeper.config.load import LoadedSweep
from sweeper.config.models import Method, SweepConfig
from sweeper.reporting.counterfactual import GridSearch

if TYPE_CHECKING:
    from sweeper.search.replaced import Replaced

__all__ = ["check_grid", "grid_search_of", "replaced_of"]


def grid_search_of(config: SweepConfig) -> GridSearch:
    """Return the grid search that a sweep replaces; one of ``method: grid`` is its own."""
    replaced = replaced_of(config)
    stated = config.grid is not None or config.method is Method.GRID
    return GridSearch(replaced.count(), replaced.levels, stated, replaced.place)


def check_grid(loaded: LoadedSweep) -> None:
    """Check the levels that a sweep file states.

    Raises:
        ConfigError: If a value cannot be its parameter's.
    """
    with space_errors(loaded):
        replaced_of(loaded.config)


def replaced_of(config: SweepConfig) -> Replaced:
    """Lay the grid over the space.

    Raises:
        SpaceError: If a value that the file states cannot be its parameter's.
    """
    from sweeper.search.replaced import replaced_grid
    from sweeper.search.space import gridded

    own = config.grid is None and config.method is Method.GRID
    return replaced_grid(
        gridded(config.space) if own else config.space,
        None if config.grid is None else config.grid.levels,
        constraints=config.point_constraints,
        without=frozenset(config.cache.ignore),
    )
