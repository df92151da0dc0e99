from __future__ import annotations

import os
import subprocess
import sys

import pytest

from sweeper.store.process import is_gone, proc_id


def test_this_process_is_not_gone() -> None:
    """Who runs can be seen running."""
    assert not is_gone(os.getpid(), proc_id())


def test_a_process_that_ended_is_gone() -> None:
    """Its pid is free, or another process has it."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    named = proc_id(child.pid)
    assert not is_gone(child.pid, named)
    child.communicate(b"\n")
    assert is_gone(child.pid, named)


def test_a_pid_that_was_given_again_is_another_process() -> None:
    """The start time tells two processes of one pid apart."""
    boot, namespace, started = proc_id().split("|")
    earlier = f"{boot}|{namespace}|{started}0"
    assert is_gone(os.getpid(), earlier)


@pytest.mark.parametrize("part", [0, 1], ids=["boot", "pid namespace"])
def test_what_cannot_be_seen_is_not_gone(part: int) -> None:
    """Another machine's or container's process may well be alive."""
    parts = proc_id().split("|")
    parts[part] += "x"
    assert not is_gone(2**22 + 1, "|".join(parts))


def test_two_processes_have_two_names() -> None:
    """This process and the machine's first one differ."""
    assert proc_id() != proc_id(1)
