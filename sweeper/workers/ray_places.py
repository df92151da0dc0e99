"""Where Ray is to put a worker. Imported by ``ray_pool.py`` only, and with it the owner of ray."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from ray.util.placement_group import placement_group, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from sweeper.workers.ray_team import Group
from sweeper.workers.slots import Resources, Slots

__all__ = ["disband", "group_for", "options_for"]


def group_for(slots: Slots, resources: Resources) -> Group | None:
    """Reserve the machines of a worker that takes several; None: it takes one."""
    if slots.nodes == 1:
        return None
    bundle: dict[str, float] = {"CPU": slots.cpus}
    if slots.gpus:
        bundle["GPU"] = slots.gpus
    if resources.memory_bytes:
        bundle["memory"] = resources.memory_bytes
    labels = [dict(resources.labels)] * slots.nodes if resources.labels else None
    place = placement_group(
        [bundle] * slots.nodes, strategy="STRICT_SPREAD", bundle_label_selector=labels
    )
    return Group(place, slots.nodes, slots.cpus, slots.gpus)


def disband(group: Group) -> None:
    """Give the machines of a worker that is gone back."""
    with suppress(Exception):  # the cluster may be gone with it
        remove_placement_group(group.place)


def options_for(slots: Slots, resources: Resources, group: Group | None) -> dict[str, Any]:
    """Return Ray's options of a worker's actor."""
    options: dict[str, Any] = {
        "num_cpus": slots.cpus,
        "num_gpus": slots.gpus,
        "memory": resources.memory_bytes,
        "max_restarts": 0,
        "max_concurrency": 2,  # a training is killed by a call beside the one that trains
    }
    if group is not None:
        options["scheduling_strategy"] = PlacementGroupSchedulingStrategy(
            group.place, placement_group_bundle_index=0
        )
    elif resources.labels:
        options["label_selector"] = dict(resources.labels)
    return options
