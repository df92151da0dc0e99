"""What files import is remembered by their content."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeper.store.import_memo import ImportMemo, Imports

FOUND: Imports = ((0, ("numpy",)), (1, ("net", "*")))


def never(content: bytes) -> Imports:
    """Parse nothing: it must be known."""
    raise AssertionError(content)


def test_what_was_parsed_is_known_to_the_next_process(tmp_path: Path) -> None:
    """Also that a file is no valid Python."""
    memo = ImportMemo(tmp_path / "memo")
    assert memo.imports(b"a", lambda content: FOUND) == FOUND
    assert memo.imports(b"b", lambda content: None) is None
    memo.save()
    again = ImportMemo(tmp_path / "memo")
    assert again.imports(b"a", never) == FOUND
    assert again.imports(b"b", never) is None
    with pytest.raises(AssertionError):
        again.imports(b"A", never)


def test_processes_do_not_lose_each_others(tmp_path: Path) -> None:
    """Both saved; both are there."""
    one, other = ImportMemo(tmp_path), ImportMemo(tmp_path)
    one.imports(b"a", lambda content: FOUND)
    other.imports(b"b", lambda content: ())
    one.save()
    other.save()
    both = ImportMemo(tmp_path)
    assert (both.imports(b"a", never), both.imports(b"b", never)) == (FOUND, ())


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"x": 1}', '{"x": [["0", ["a"]]]}', '{"x": [[0, [1]]]}', "\xff"]
)
def test_a_broken_file_costs_time_only(tmp_path: Path, text: str) -> None:
    """It is parsed again, and the file is whole again."""
    ImportMemo(tmp_path).save()
    memo = ImportMemo(tmp_path)
    memo.imports(b"a", lambda content: FOUND)
    memo.save()
    (file,) = tmp_path.iterdir()
    file.write_bytes(text.encode("latin-1"))
    broken = ImportMemo(tmp_path)
    assert broken.imports(b"a", lambda content: FOUND) == FOUND
    broken.save()
    assert ImportMemo(tmp_path).imports(b"a", never) == FOUND


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    """The next run parses again."""
    (tmp_path / "file").touch()
    memo = ImportMemo(tmp_path / "file" / "memo")
    assert memo.imports(b"a", lambda content: FOUND) == FOUND
    memo.save()
