"""The content of declared data, and the memory of digests."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from sweeper.model import Uncacheable
from sweeper.store.data_files import DataFiles, DataVersion, DigestMemo, read_data

LATER_S = 4e9  # a clock for which every file is old


def read(root: Path, *sources: str | DataVersion, memo: DigestMemo | None = None) -> DataFiles:
    data = read_data(sources, root, memo or DigestMemo(None))
    assert isinstance(data, DataFiles), data
    return data


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    for name in ("data/a.csv", "data/b.csv", "images/1/x.png", "images/2/y.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"content of {name}")
    return folder


def test_file_is_its_content(root: Path) -> None:
    """An item holds name, digest and size of the content."""
    content = (root / "data/a.csv").read_bytes()
    item = ("data/a.csv", "content", hashlib.sha256(content).hexdigest(), len(content))
    assert read(root, "data/a.csv").items == (item,)


def test_glob_is_its_files(root: Path) -> None:
    """A glob gives an item per match, in ascending order."""
    assert [item[0] for item in read(root, "data/*.csv").items] == ["data/a.csv", "data/b.csv"]


def test_folder_is_one_item(root: Path) -> None:
    """A folder is one item over everything below it, and each of its files is known by name."""
    data = read(root, "images")
    size = sum(len(f"content of {name}") for name in ("images/1/x.png", "images/2/y.png"))
    assert [(item[0], item[3]) for item in data.items] == [("images", size)]
    assert [name for name, _ in data.digests] == ["images/1/x.png", "images/2/y.png"]


def test_declared_version(root: Path) -> None:
    """A declared version is taken as it is."""
    item = ("imagenet", "version", "2012-3", None)
    assert read(root, DataVersion("imagenet", "2012-3")).items == (item,)


def test_order_of_declaration_counts(root: Path) -> None:
    """Items stay in the order of declaration: the first may train and the second test."""
    one, two = read(root, "data/a.csv", "data/b.csv"), read(root, "data/b.csv", "data/a.csv")
    assert one.items == two.items[::-1]


def test_folders_of_this_machine_are_not_in_the_key(root: Path, tmp_path: Path) -> None:
    """Equal data at another place outside of the project has the same item."""
    for place in ("here", "there"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "x.csv").write_text("x")
    here, there = (read(root, str(tmp_path / place / "x.csv")) for place in ("here", "there"))
    assert here.items == there.items
    assert here.items[0][0] == "x.csv"


@pytest.mark.parametrize("source", ["data/a.csv", "data/*.csv", "data", "**/*.csv"])
def test_changed_content_is_seen(root: Path, source: str) -> None:
    """A changed byte changes the item and is named, also through the memory."""
    memo = DigestMemo(None, now=lambda: LATER_S)
    before = read(root, source, memo=memo)
    (root / "data/a.csv").write_text("Content of data/a.csv")
    after = read(root, source, memo=memo)
    assert before.items != after.items
    assert before.first_difference(after) == "data/a.csv"


@pytest.mark.parametrize("source", ["data/*.csv", "data"])
def test_new_file_is_seen(root: Path, source: str) -> None:
    """A file that joins a glob or a folder is a change."""
    before = read(root, source)
    (root / "data/c.csv").touch()
    assert before.first_difference(read(root, source)) == "data/c.csv"


def test_renamed_file_in_a_folder_is_seen(root: Path) -> None:
    """Names inside a folder are part of its item: labels may live in them."""
    before = read(root, "images")
    (root / "images/1").rename(root / "images/3")
    assert before.items != read(root, "images").items


def test_touched_file_is_the_same(root: Path) -> None:
    """Times are not content."""
    before = read(root, "data", "images")
    os.utime(root / "data/a.csv", (1, 1))
    assert before.first_difference(read(root, "data", "images")) is None


def test_link_is_what_it_leads_to(root: Path) -> None:
    """The content behind a link counts, wherever the link leads."""
    (root / "link.csv").symlink_to(root / "data/a.csv")
    before = read(root, "link.csv")
    assert before.items[0][2] == read(root, "data/a.csv").items[0][2]
    (root / "data/a.csv").write_text("other")
    assert read(root, "link.csv").items != before.items


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("data/none.csv", "data/none.csv is missing"),
        ("none/*.csv", "none/*.csv is missing"),
        ("empty", "empty holds no file"),
        ("broken/*", "No such file"),
        ("pipes/*", "is no regular file"),
    ],
)
def test_data_that_cannot_be_read(root: Path, source: str, why: str) -> None:
    """Missing, empty or odd data gives no key, and is named."""
    for folder in ("empty", "broken", "pipes"):
        (root / folder).mkdir()
    (root / "broken/link").symlink_to(root / "nowhere")
    os.mkfifo(root / "pipes/pipe")
    refused = read_data([source], root, DigestMemo(None))
    assert isinstance(refused, Uncacheable)
    assert refused.path == "data"
    assert why in refused.why


def forge(folder: Path, path: Path) -> None:
    """Put a false digest into the memory, to see whether it is used."""
    memo = json.loads((folder / "digests.json").read_text())
    memo[str(path)][1] = "f" * 64
    (folder / "digests.json").write_text(json.dumps(memo))


def test_memory_spares_hashing(root: Path, tmp_path: Path) -> None:
    """An unchanged file is not read again by the next process."""
    file, folder = root / "data/a.csv", tmp_path / "memo"
    memo = DigestMemo(folder, now=lambda: LATER_S)
    memo.digest(file)
    memo.save()
    forge(folder, file)
    assert DigestMemo(folder).digest(file)[0] == "f" * 64


@pytest.mark.parametrize("way", ["written", "touched", "replaced"])
def test_memory_ends_with_the_stamp(root: Path, tmp_path: Path, way: str) -> None:
    """Whatever happens to the file, it is read again."""
    file, folder = root / "data/a.csv", tmp_path / "memo"
    memo = DigestMemo(folder, now=lambda: LATER_S)
    memo.digest(file)
    memo.save()
    forge(folder, file)
    if way == "written":
        file.write_bytes(file.read_bytes())
        os.utime(file, (2, 2))
    elif way == "touched":
        os.utime(file, (2, 2))
    else:
        times = file.stat()
        (root / "new").write_bytes(file.read_bytes())
        os.utime(root / "new", ns=(times.st_atime_ns, times.st_mtime_ns))
        (root / "new").replace(file)
    expected = hashlib.sha256(file.read_bytes()).hexdigest()
    assert DigestMemo(folder).digest(file)[0] == expected


@pytest.mark.parametrize(("age_s", "kept"), [(1.9, False), (2.1, True)])
def test_young_files_are_not_remembered(
    root: Path, tmp_path: Path, age_s: float, kept: bool
) -> None:
    """A file that was written within two seconds could change again unnoticed."""
    file, folder = root / "data/a.csv", tmp_path / "memo"
    written = max(file.stat().st_mtime_ns, file.stat().st_ctime_ns) / 1e9
    memo = DigestMemo(folder, now=lambda: written + age_s)
    memo.digest(file)
    memo.save()
    assert (folder / "digests.json").exists() is kept


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"a": 1}', '{"a": [[1], 2]}', "\x00", '{"a": [1, "x"]}']
)
def test_broken_memory_costs_time_only(root: Path, tmp_path: Path, text: str) -> None:
    """A damaged memory is forgotten and written anew."""
    (tmp_path / "digests.json").write_text(text)
    memo = DigestMemo(tmp_path, now=lambda: LATER_S)
    expected = hashlib.sha256((root / "data/a.csv").read_bytes()).hexdigest()
    assert memo.digest(root / "data/a.csv")[0] == expected
    memo.save()
    assert str(root / "data/a.csv") in json.loads((tmp_path / "digests.json").read_text())


def test_unwritable_memory_costs_time_only(root: Path, tmp_path: Path) -> None:
    """A folder that cannot be made is no error."""
    (tmp_path / "file").touch()
    memo = DigestMemo(tmp_path / "file/memo", now=lambda: LATER_S)
    memo.digest(root / "data/a.csv")
    memo.save()
    assert (tmp_path / "file").read_text() == ""


def test_two_writers_keep_each_others_digests(root: Path, tmp_path: Path) -> None:
    """Saving merges with what another process wrote meanwhile."""
    one, two = (DigestMemo(tmp_path, now=lambda: LATER_S) for _ in range(2))
    one.digest(root / "data/a.csv")
    two.digest(root / "data/b.csv")
    one.save()
    two.save()
    assert len(json.loads((tmp_path / "digests.json").read_text())) == 2


def test_link_beside_its_target_is_read_too(root: Path) -> None:
    """``latest -> 2024`` beside 2024 is part of the data: turned elsewhere, it is other data."""
    for year in ("2023", "2024"):
        (root / "years" / year).mkdir(parents=True)
        (root / "years" / year / "a.csv").write_text(year)
    latest = root / "years" / "latest"
    latest.symlink_to("2024")
    before = read(root, "years")
    latest.unlink()
    latest.symlink_to("2023")
    assert read(root, "years").document() != before.document()


def test_circle_of_links_ends(root: Path) -> None:
    """A link to a folder above it is not followed for ever."""
    (root / "loop").mkdir()
    (root / "loop" / "a.csv").write_text("1")
    (root / "loop" / "again").symlink_to(root / "loop")
    assert "again" not in json.dumps(read(root, "loop").document())


def test_open_parts_of_a_glob_outside_of_the_project_count(root: Path, tmp_path: Path) -> None:
    """A folder may be a class label: the same file under another one is other data."""
    elsewhere = tmp_path / "elsewhere"
    for label in ("cat", "dog"):
        (elsewhere / label).mkdir(parents=True)
    (elsewhere / "dog" / "2.jpg").write_text("a picture")
    (elsewhere / "cat" / "1.jpg").write_text("another")
    before = read(root, f"{elsewhere}/*/*.jpg")
    (elsewhere / "dog" / "2.jpg").rename(elsewhere / "cat" / "2.jpg")
    after = read(root, f"{elsewhere}/*/*.jpg")
    assert after.document() != before.document()
    assert str(tmp_path) not in json.dumps(after.document())
