from __future__ import annotations

import re
from pathlib import Path

import pytest

from sweeper.config.load import load
from sweeper.config.reference import reference_markdown
from sweeper.config.schema import Schema, sweep_file_schema

ROOT = Path(__file__).parent.parent.parent
EVERY_KEY = ROOT / "configs" / "every-key.yaml"
SCHEMA = sweep_file_schema()
# How a parameter may look is the business of its own section; it has forms, not keys.
MAPPINGS: dict[str, Schema] = {
    name: it for name, it in [("", SCHEMA), *SCHEMA["$defs"].items()] if "properties" in it
}
CHOICES = [it for name in ("early_terminate", "sampler") for it in SCHEMA["$defs"][name]["anyOf"]]
KEYS = {key for it in (*MAPPINGS.values(), *CHOICES) for key in it.get("properties", ())}


def test_the_page_is_in_step_with_the_models() -> None:
    """``scripts/configuration-reference`` has been run since the models changed."""
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert page == reference_markdown(), "run scripts/configuration-reference"


@pytest.mark.parametrize("key", sorted(KEYS))
def test_every_key_is_on_the_page(key: str) -> None:
    """Each key that the schema knows is explained."""
    assert f"`{key}`" in reference_markdown()


def test_the_page_is_well_formed() -> None:
    """Rows have as many cells as their heads, and links lead to headings."""
    page = reference_markdown()
    headings = {
        re.sub(r"[^\w -]", "", it).replace(" ", "-").lower()
        for it in re.findall(r"^#+ (.*)$", page, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([\w-]+)\)", page)) <= headings
    for table in re.findall(r"(?:^\|.*\|\n)+", page, re.MULTILINE):
        assert len({row.count("|") for row in table.splitlines()}) == 1


@pytest.mark.parametrize("key", sorted(KEYS))
def test_every_key_is_in_the_file_of_every_key(key: str) -> None:
    """The commented file shows each key; those that exclude each other stand in comments."""
    text = EVERY_KEY.read_text(encoding="utf-8")
    assert re.search(rf"\b{re.escape(key)}\b", text), key


def test_the_file_of_every_key_is_a_sweep_file() -> None:
    """It loads without a warning."""
    assert load(EVERY_KEY, (), {"HOME": "/nowhere"}).warnings == ()
