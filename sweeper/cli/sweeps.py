"""``sweeper ls``, ``show`` and ``stop``: what was run, and what came of it."""

from __future__ import annotations

import click

ls = show = stop = click.Command("x")
