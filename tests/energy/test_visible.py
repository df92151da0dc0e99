from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.energy.visible import Named, named_boards

BOARDS = [f"GPU-{index:02d}aa" for index in range(12)]
PARENTS = {"MIG-a": BOARDS[1], "MIG-b": BOARDS[1], "MIG-c": BOARDS[2]}


def named(*gpus: str) -> list[Named]:
    """Read a list."""
    return list(named_boards(gpus, BOARDS, PARENTS.get))


@pytest.mark.parametrize(
    ("gpus", "found"),
    [
        ("", ""),
        ("1", "1"),
        ("11", "11"),
        ("3,0", "3,0"),
        (" 2 ,1", "2,1"),
        ("1,9,0", "1,9,0"),
        ("1,12,0", "1"),
        ("12", ""),
        ("-1", ""),
        ("0,-1,1", "0"),
        ("NoDevFiles", ""),
        ("0,0", ""),
        ("0,GPU-00aa", ""),
        ("0,0,99", ""),
        ("GPU-05aa", "5"),
        ("GPU-05", "5"),
        ("GPU-1", ""),
        ("GPU-", ""),
        ("05aa", ""),
        ("gpu-05aa", ""),
    ],
)
def test_lists_are_read_as_cuda_reads_them(gpus: str, found: str) -> None:
    """Up to the first entry that names nothing or more than one, and not at all with duplicates."""
    expected = [Named(BOARDS[int(index)]) for index in found.split(",") if index]
    assert named(*(gpus.split(",") if gpus else ())) == expected


@pytest.mark.parametrize(
    ("gpus", "found"),
    [
        (["MIG-a"], [(1, "MIG-a")]),
        (["MIG-a", "MIG-b"], [(1, "MIG-a"), (1, "MIG-b")]),
        (["MIG-a", "MIG-c", "0"], [(1, "MIG-a"), (2, "MIG-c"), (0, None)]),
        (["MIG-a", "MIG-a"], []),
        (["MIG-a", "1"], []),
        (["0", "MIG-nothing", "1"], [(0, None)]),
    ],
    ids=lambda value: "-".join(map(str, value)),
)
def test_slices_are_found_by_their_boards(
    gpus: list[str], found: list[tuple[int, str | None]]
) -> None:
    """Two slices of a board are two; the same slice twice, or one beside its board, are none."""
    assert named(*gpus) == [Named(BOARDS[index], mig) for index, mig in found]


def test_a_board_that_cannot_be_read_keeps_its_index() -> None:
    """The boards after it are not taken for each other, and it is nobody's."""
    boards = [BOARDS[0], None, BOARDS[2]]
    assert named_boards(["2"], boards, PARENTS.get) == (Named(BOARDS[2]),)
    assert named_boards(["0", "1", "2"], boards, PARENTS.get) == (Named(BOARDS[0]),)


@given(st.lists(st.sampled_from([*BOARDS, *PARENTS, *map(str, range(14)), "", "x"]), max_size=6))
def test_whatever_the_list_nothing_is_named_twice(gpus: list[str]) -> None:
    """A board or a slice is counted at most once, and what was read is a beginning of the list."""
    found = named(*gpus)
    assert len(set(found)) == len(found) <= len(gpus)
    if found and len(found) < len(gpus):
        assert named(gpus[len(found)]) == []
