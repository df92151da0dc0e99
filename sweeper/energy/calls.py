"""What single calls of the driver answer, and how long they take: values only.

Owns: the words for one call's answer. Reads nothing itself; ``nvml_calls.py`` has the real calls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

__all__ = ["Call", "CallAnswer", "Refused", "answer", "quantile"]


class Refused(Exception):
    """The driver does not answer a call; the text is its own reason."""


@dataclass(frozen=True, slots=True)
class Call:
    """A question to the driver.

    Attributes:
        name: As the driver's documentation has it.
        unit: Of the answer; empty: none.
        ask: Asks; raises ``Refused``.
    """

    name: str
    unit: str
    ask: Callable[[], float | str]


@dataclass(frozen=True, slots=True)
class CallAnswer:
    """What a call answered.

    Attributes:
        value: The last answer; None: refused.
        reason: Why it was refused, in the driver's words; None: it was not.
        p50_s: Median latency.
        p99_s: 99th percentile of the latency.
    """

    name: str
    unit: str
    value: float | str | None
    reason: str | None
    p50_s: float
    p99_s: float


def answer(
    call: Call, repeats: int, clock: Callable[[], float], *, limit_s: float = 1.0
) -> CallAnswer:
    """Ask so many times; a refusal is an answer, and as good after one time.

    Args:
        call: What.
        repeats: How often, at least once.
        clock: Seconds, monotonic.
        limit_s: Stop asking after this time: some calls take 100 ms each.
    """
    begun_s = clock()
    latencies_s: list[float] = []
    value: float | str | None = None
    reason: str | None = None
    for _ in range(repeats):
        started_s = clock()
        try:
            value, reason = call.ask(), None
        except Refused as refused:
            value, reason = None, str(refused)
        latencies_s.append(clock() - started_s)
        if reason is not None or clock() - begun_s > limit_s:
            break
    if len(latencies_s) > 1:
        del latencies_s[0]  # it opened the connection to the driver
    return CallAnswer(
        call.name,
        call.unit,
        value,
        reason,
        quantile(latencies_s, 0.5),
        quantile(latencies_s, 0.99),
    )


def quantile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least this share of all values do not exceed.

    Raises:
        ValueError: If there are none.
    """
    if not values:
        raise ValueError("no values have no quantile")
    ordered = sorted(values)
    rank = -(-share * len(ordered) // 1)  # rounded up
    return ordered[max(0, min(len(ordered), int(rank)) - 1)]
