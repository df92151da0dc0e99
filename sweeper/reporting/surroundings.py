"""What a report says beside the sweep's own figures: file, software, importances, when.

Owns: this value. Standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Surroundings"]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a report says beside the sweep's own figures.

    Attributes:
        version: Of the sweeper that writes the report.
        written: When, in words.
        config: The resolved sweep file, as text.
        environment: Name and text of what is known of where and with what it was trained.
        importances: Share of each parameter, by dotted path; None: unknown.
        no_importances: Why they are unknown; empty: they are known.
        log_parameters: Dotted paths of parameters that are searched on a logarithmic scale.
    """

    version: str
    written: str
    config: str
    environment: tuple[tuple[str, str], ...] = ()
    importances: Mapping[str, float] | None = None
    no_importances: str = ""
    log_parameters: frozenset[str] = field(default_factory=frozenset)
