from __future__ import annotations

import pytest

from sweeper.reporting.flags import FLAGS, flag_line


@pytest.mark.parametrize("flag", FLAGS)
def test_every_flag_is_explained_in_one_plain_line(flag: str) -> None:
    """The explanation is a phrase that does not repeat the flag's own name."""
    words = FLAGS[flag]
    assert "\n" not in words
    assert "_" not in words.replace("gpu_idle_w", "")
    assert 20 < len(words) < 140
    assert flag_line(flag) == f"{flag}: {words}"


def test_an_unknown_flag_stands_for_itself() -> None:
    """A flag of a newer version is shown, without what a terminal would take for a command."""
    assert flag_line("brand_\x1b[31mnew") == "brand_new"
