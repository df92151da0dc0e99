from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.reporting.clean import jsonable, one_line, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("\x1b[31mred\x1b[0m", "red", id="colour"),
        pytest.param("\x1b]0;title\x07after", "after", id="window-title"),
        pytest.param("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link", id="hyperlink"),
        pytest.param("\x9b31mred", "red", id="8-bit"),
        pytest.param("\x1bcreset", "reset", id="reset"),
        pytest.param("a\x00\x08b", "ab", id="controls"),
        pytest.param("a\u202eb\u2066c", "abc", id="bidirectional"),
        pytest.param("a\tb\nc", "a b c", id="blanks"),
        pytest.param("\udcffx", "x", id="surrogate"),
        pytest.param("[red]é 日本[/red]", "[red]é 日本[/red]", id="kept"),
    ],
)
def test_visible_keeps_what_is_seen(text: str, shown: str) -> None:
    """Terminal escapes and invisible characters go, everything else stays as it is."""
    assert visible(text) == shown


@given(st.text())
def test_nothing_visible_controls_a_terminal(text: str) -> None:
    """No control character survives, whatever the text."""
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs") for c in visible(text))


@given(st.text(), st.integers(3, 40))
def test_one_line_fits(text: str, limit: int) -> None:
    """A line is one line, trimmed, and not longer than its limit."""
    line = one_line(text, limit)
    assert len(line) <= limit
    assert "\n" not in line
    assert line == line.strip()


def test_jsonable_says_what_strict_json_can() -> None:
    """Non-finite numbers become null, tuples lists, keys texts, and the rest its text."""
    value = {"a": (1, float("nan")), 2: float("inf"), "b": {"c": {1}}, "t": True}
    shown = jsonable(value)
    assert shown == {"a": [1, None], "2": None, "b": {"c": "{1}"}, "t": True}
    assert json.loads(json.dumps(shown, allow_nan=False)) == shown
