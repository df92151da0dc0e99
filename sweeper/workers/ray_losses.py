"""Why a Ray actor is gone, in our words. Imported by ``ray_pool.py`` only."""

from __future__ import annotations

import ray.exceptions

from sweeper.model import Cause, CauseKind

__all__ = ["lost_cause"]

_LENGTH = 300
_NO_MEMORY = "running low on memory"  # what Ray's memory monitor says of whom it kills
# Lines of ActorDiedError that say nothing to a person.
_NOISE = ("The actor died", "class_name:", "actor_id:", "pid:", "name:", "namespace:", "ip:")


def lost_cause(error: ray.exceptions.RayError, left: bool, host: str) -> Cause:
    """Say why a call was not answered.

    Args:
        error: What Ray says.
        left: The worker's node has left the cluster.
        host: Where the worker was; empty: unknown.
    """
    lines = [line.strip() for line in str(error).splitlines()]
    told = " ".join(line for line in lines if line and not line.startswith(_NOISE))
    on = f" on {host}" if host else ""
    if isinstance(error, ray.exceptions.OutOfMemoryError) or _NO_MEMORY in told:
        text = f"Ray ended the worker{on}, whose machine was running out of memory"
        return Cause(CauseKind.MEMORY, text)
    if getattr(error, "preempted", False):
        return Cause(CauseKind.PREEMPTED, f"the node{on} was taken away (pre-empted)")
    if left or isinstance(error, ray.exceptions.NodeDiedError):
        return Cause(CauseKind.NODE, f"the node{on} has left the cluster"[:_LENGTH])
    text = f"the worker{on} died: {' '.join(told.split()) or type(error).__name__}"
    return Cause(CauseKind.WORKER, text[:_LENGTH])
