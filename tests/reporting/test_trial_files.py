from __future__ import annotations

from pathlib import Path

from sweeper.reporting.trial_files import TrialFolder, read_trial_folder


def test_last_ten_lines_of_files_that_exist(tmp_path: Path) -> None:
    """Each log that exists gives its last ten lines; others are not named."""
    (tmp_path / "stdout.log").write_text("".join(f"line {n}\n" for n in range(50)))
    (tmp_path / "error.txt").write_text("one\ntwo")
    (tmp_path / "params.json").write_text("{}")
    files = read_trial_folder(tmp_path).ends
    assert list(files) == ["stdout.log", "error.txt", "params.json"]
    assert files["stdout.log"] == tuple(f"line {n}" for n in range(40, 50))
    assert files["error.txt"] == ("one", "two")


def test_progress_bars_huge_lines_and_bad_bytes(tmp_path: Path) -> None:
    """A progress bar counts as its last state, bytes that are no text are replaced."""
    (tmp_path / "stderr.log").write_bytes(b"x" * 100_000 + b"\n10%\r50%\r99%\r\n\xff\n")
    lines = read_trial_folder(tmp_path).ends["stderr.log"]
    assert lines[1:] == ("99%", "\ufffd")
    assert len(lines[0]) < 20_000


def test_empty_file_and_missing_folder(tmp_path: Path) -> None:
    """An empty log has no lines; a folder that is gone has no logs."""
    (tmp_path / "stdout.log").touch()
    assert read_trial_folder(tmp_path) == TrialFolder(str(tmp_path), {"stdout.log": ()})
    assert read_trial_folder(tmp_path / "gone").ends == {}
