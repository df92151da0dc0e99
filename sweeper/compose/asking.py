"""From a sweep file to the question that the store is asked about each trial."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sweeper.compose.energy import hardware_of, meter_of
from sweeper.config.load import LoadedSweep
from sweeper.config.models import SweepConfig
from sweeper.model import Value
from sweeper.places import state_folder
from sweeper.workers.objective import ObjectiveSource
from sweeper.workers.program import ProgramSource

if TYPE_CHECKING:
    from sweeper.store.question import Question

__all__ = ["build_question", "fallback_seeds"]


def build_question(loaded: LoadedSweep, source: ObjectiveSource | ProgramSource) -> Question:
    """Read and hash everything that determines the sweep's results."""
    from sweeper.store.code_closure import CodePolicy
    from sweeper.store.data_files import DataVersion
    from sweeper.store.environment import EnvPolicy
    from sweeper.store.question import Question, QuestionSettings

    config, cache = loaded.config, loaded.config.cache
    machines = {"NNODES": str(config.resources.nodes)} if config.resources.nodes > 1 else {}
    entry, entry_file, command = _entry(source)
    return Question.build(
        QuestionSettings(
            entry=entry,
            entry_file=entry_file,
            command=command,
            output=_output(source),
            root=Path(source.root),
            metric_names=config.goals.names,
            hardware=hardware_of(config),
            meter=meter_of(config),
            max_steps=config.max_steps,
            trial_seed=config.trial.seed,
            namespace=cache.namespace,
            salt=cache.salt,
            ignore=cache.ignore,
            data=tuple(
                item if isinstance(item, str) else DataVersion(item.name, item.version)
                for item in cache.data
            ),
            env_policy=EnvPolicy(cache.env.value),
            env_vars=(*cache.env_vars, *machines),
            prefix_safe=cache.prefix_safe,
            code_include=cache.code.include,
            code_exclude=cache.code.exclude,
            code_policy=CodePolicy(cache.code.policy.value),
            effective_env={**os.environ, **machines},
            memo_folder=state_folder(os.environ) / "fingerprints",
            sweep_file=loaded.path,
        )
    )


def _entry(
    source: ObjectiveSource | ProgramSource,
) -> tuple[str, Path | None, tuple[str, ...] | None]:
    if isinstance(source, ObjectiveSource):
        return source.entry, Path(source.file), None
    if source.program is None:
        return "command", None, source.command
    return f"program:{source.program}", Path(source.root, source.program), source.command


def _output(source: ObjectiveSource | ProgramSource) -> Value:
    """Return how metrics are read from what a program prints; None: nothing is printed for us."""
    if isinstance(source, ObjectiveSource):
        return None
    return [source.output.style.value, *source.output.patterns]


def fallback_seeds(
    config: SweepConfig, chosen: Callable[[int], int | None] = lambda replicate: None
) -> Callable[[int, int], int]:
    """Return what makes the seed of a trial without a key, from its number and replicate.

    Args:
        config: The sweep's.
        chosen: The seed that a replicate is to have; None: as the file says.
    """
    from sweeper.store.key import fallback_seed

    given = config.trial.seed

    def seed(number: int, replicate: int) -> int:
        wanted = chosen(replicate)
        if wanted is not None:
            return wanted
        if given is not None:
            return (given + replicate) % 2**32
        return fallback_seed(config.seed, number, replicate)

    return seed
