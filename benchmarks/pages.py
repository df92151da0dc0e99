"""Puts what a benchmark saw into the documents, between two markers."""

from __future__ import annotations

from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def put(text: str, page: str, marker: str) -> None:
    """Put a text between ``<!-- marker -->`` and ``<!-- /marker -->`` of a page.

    Raises:
        SystemExit: If the page does not hold both.
    """
    file = DOCS / page
    begin, end = f"<!-- {marker} -->\n", f"<!-- /{marker} -->"
    before, found, rest = file.read_text(encoding="utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise SystemExit(f"{file} must hold {begin.strip()} and {end}")
    file.write_text(f"{before}{begin}{text}\n{end}{after}", encoding="utf-8")
