"""What a sweep would propose, before anything is trained."""

from __future__ import annotations

import itertools
import math

from sweeper.model import Params
from sweeper.search.build import StudySettings, plan_of
from sweeper.search.values import point_identity

__all__ = ["expected_duplicates", "sample_points"]


def sample_points(settings: StudySettings, n: int) -> list[Params]:
    """Return the first proposals that a sampler makes without any feedback.

    Points come as they are drawn, known ones too: the sample follows the law of the space. A grid
    ends with its last point.

    Args:
        settings: What decides the proposals.
        n: How many.

    Raises:
        SpaceError: As ``build_study``.
    """
    plan = plan_of(settings)
    proposer = plan.proposer
    if plan.grid is None:
        return [proposer.next(None)[1] for _ in range(n)]
    first = [proposer.next(None)[1] for _ in range(n) if proposer.enqueues]
    known = {point_identity(point, settings.without) for point in first}
    rest = (it for it in plan.grid if point_identity(it, settings.without) not in known)
    return [*first, *itertools.islice(rest, n - len(first))]


def expected_duplicates(size: int | None, n: int) -> float:
    """Return how many of ``n`` random draws repeat an earlier one, on average.

    Args:
        size: Points of the space, all alike; None: endless.
        n: Draws.

    Returns:
        ``n - size * (1 - (1 - 1/size)**n)``; 0 for an endless space.
    """
    if size is None or n <= 0:
        return 0.0
    if size <= 1:
        return float(n - 1)
    return max(n + size * math.expm1(n * math.log1p(-1 / size)), 0.0)
