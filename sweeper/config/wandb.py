"""Keys of W&B's sweep files: which are the same here, and which mean nothing without its service.

Owns: their list, and what is said about those that mean nothing. Imports only this room.

Source: https://docs.wandb.ai/guides/sweeps/sweep-config-keys and the schema of W&B's client.
"""

from __future__ import annotations

from typing import Any

from sweeper.config.problems import Problem, listed

# Accepted, dropped and said once.
INERT = ("entity", "project", "controller", "apiVersion", "kind")
# Refused: what they would start is not here.
LAUNCH = ("job", "image_uri")
LAUNCH_REFUSED = (
    "W&B Launch starts it on W&B's service and has no meaning here; say what to train with "
    "objective:, program: or command:"
)
# Places that W&B's files have too, with their meaning, and one that has another name there.
SAME = frozenset(
    {
        *("name", "description", "program", "command", "method", "metric", "metrics"),
        *("parameters", "scheduler", "early_terminate"),
        *("metric.name", "metric.goal", "metric.target", "metric.impute"),
        *("metric.impute_while_running", "scheduler.engine", "scheduler.source"),
        *("scheduler.optimizer", "scheduler.search_space"),
        *(f"hyperband.{key}" for key in ("type", "min_iter", "max_iter", "s", "eta", "strict")),
    }
)
RENAMED = {"budget.trials": "run_cap"}


def without_inert_keys(data: dict[str, Any]) -> list[Problem]:
    """Drop the keys that only W&B's service understands; return the one warning about them."""
    present = [key for key in data if key in INERT]
    for key in present:
        del data[key]
    if not present:
        return []
    what = "is a W&B key that has no meaning here"
    if len(present) > 1:
        what = f"and {listed(present[1:], 'and')} are W&B keys that have no meaning here"
    return [Problem((present[0],), what)]
