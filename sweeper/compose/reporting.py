"""From a sweep in the store to what a report says beside its figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sweeper.compose.reading import SweepView, trained_cpu
from sweeper.config.load import restore
from sweeper.config.models import SweepConfig
from sweeper.model import Conditional, LogUniform, Nested, Quantized, Space
from sweeper.reporting import figures
from sweeper.reporting.hardware_words import hardware
from sweeper.reporting.outcomes import trials_of
from sweeper.reporting.surroundings import Surroundings
from sweeper.reporting.worth import worth_of

if TYPE_CHECKING:
    from sweeper.store.engine import Store
    from sweeper.store.trained_with import TrainedWith

__all__ = ["surroundings_of"]

_MOST_EDITED = 5


def surroundings_of(store: Store, seen: SweepView, *, version: str, now: float) -> Surroundings:
    """Gather what a report says beside the sweep's own figures.

    Args:
        store: That holds the sweep.
        seen: The sweep.
        version: Of sweeper.
        now: Seconds since 1970 UTC.

    Raises:
        CacheError: When the store cannot be read.
    """
    from sweeper.config.output_yaml import yaml_text
    from sweeper.store.trained_with import trained_with

    sweep = seen.history.sweep
    config = restore(sweep.config)
    found = _importances(seen, config)
    return Surroundings(
        version=version,
        written=figures.moment(now),
        config=yaml_text(config.document()),
        environment=_environment(seen, trained_with(store, sweep.uid)),
        importances=None if isinstance(found, str) else found,
        no_importances=found if isinstance(found, str) else "",
        log_parameters=frozenset(_logarithmic(config.space)),
    )


def _importances(seen: SweepView, config: SweepConfig) -> Mapping[str, float] | str:
    """Return the importances for the first objective, or why they are unknown."""
    from sweeper.search.importance import importances

    goals, factors = seen.summary.goals, seen.summary.factors
    valued = []
    for trial in trials_of(seen.history):
        worth = worth_of(trial.trainings, goals, factors) if trial.complete else None
        if worth is not None and worth.values[0] is not None:
            valued.append((trial.first.params, worth.values[0]))
    try:
        return importances(config.space, valued, goals.first.direction)
    except Exception as error:  # a page must not fail for one of its plots
        return f"{type(error).__name__}: {error}"


def _environment(seen: SweepView, made: TrainedWith) -> tuple[tuple[str, str], ...]:
    sweep, history = seen.history.sweep, seen.history
    nodes = sorted({row.node for row in history.attempts if row.node and row.trained})
    gpus = sorted({f"{it.line.name} {it.line.uuid}" for it in seen.summary.energy.boards})
    kinds = dict.fromkeys(hardware(facts) for facts in made.hardware)
    packages = (made.packages or {}).items()
    pairs = [
        ("driver", f"{sweep.who} on {sweep.host}"),
        ("started", figures.moment(sweep.started_at)),
        ("ended", "" if sweep.ended_at is None else figures.moment(sweep.ended_at)),
        ("trained on", ", ".join(nodes)),
        ("hardware", "; ".join(kinds) or trained_cpu(history) or ""),
        ("GPUs", ", ".join(gpus)),
        ("sweeper", ", ".join(made.sweeper)),
        ("Python", ", ".join(made.python)),
        ("packages", ", ".join(f"{name} {' and '.join(found)}" for name, found in packages)),
        ("commit", ", ".join(made.commits)),
        ("edited since", _edited(made.edited)),
        ("uid", str(sweep.uid)),
        ("digest", sweep.digest),
    ]
    return tuple((name, words) for name, words in pairs if words)


def _edited(files: tuple[str, ...]) -> str:
    more = len(files) - _MOST_EDITED
    shown = ", ".join(files[:_MOST_EDITED])
    return f"{shown} and {figures.count(more)} more" if more > 0 else shown


def _logarithmic(space: Space, above: str = "") -> list[str]:
    """Return the dotted paths of parameters that are searched on a logarithmic scale."""
    found = []
    for name, parameter in space.items():
        inner = parameter.parameter if isinstance(parameter, Conditional) else parameter
        law = inner.base if isinstance(inner, Quantized) else inner
        if isinstance(law, Nested):
            found += _logarithmic(law.parameters, f"{above}{name}.")
        elif isinstance(law, LogUniform):
            found.append(f"{above}{name}")
    return found
