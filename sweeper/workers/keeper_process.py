"""Starts one command and keeps it: when this ends, nothing of the command's process tree is left.

Run as a script, without packages; imports nothing of ours. ``keeper.py`` is its other end. It is
the parent of the command and adopts what the command leaves behind, in sessions of its own too.

Speaks lines on the socket whose number is its first argument. It hears a signal's number, for the
command's group, and ``kill``, for the whole tree; the end of the socket means the same, for whoever
asked for the command is gone. It tells ``pid N``, and ``end STATUS`` (below zero: a signal) when
the tree is gone; or ``error ERRNO`` if the command cannot be started.

Off Linux what has left the command's process group is not found.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import socket
import sys
import time
from typing import Any

_LINUX = sys.platform.startswith("linux")
_PDEATHSIG, _CHILD_SUBREAPER = 1, 36  # linux/prctl.h
_PATIENCE_S = 30.0  # a process that was killed and is not gone by then hangs in the kernel
_ORDINARY = ("SIGPIPE", "SIGXFSZ", "SIGINT", "SIGTERM", "SIGHUP", "SIGCHLD")


def main() -> None:
    """Start the command and follow it to its end."""
    link = socket.socket(fileno=int(sys.argv[1]))
    link.set_inheritable(False)
    woken = _prepare_signals()
    command = _start(sys.argv[2:], link)
    _let_go_of_files({link.fileno(), *woken})
    _tell(link, f"pid {command}")
    status = _follow(command, link, woken[0])
    _kill_tree(command, alive=status is None)
    _tell(link, f"end {-signal.SIGKILL if status is None else status}")


def _prepare_signals() -> tuple[int, int]:
    """Adopt orphans, ignore what asks to end, and return a pipe that says that a child ended."""
    ends = os.pipe()
    for end in ends:
        os.set_blocking(end, False)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.set_wakeup_fd(ends[1], warn_on_full_buffer=False)
    _prctl(_CHILD_SUBREAPER, 1)
    return ends


def _prctl(option: int, value: int) -> None:
    if _LINUX:
        _C.prctl(option, value)


_C: Any = ctypes.CDLL(None)


def _start(argv: list[str], link: socket.socket) -> int:
    """Start the command in a session of its own and return its number; else say why, and exit."""
    error, say = os.pipe()
    pid = os.fork()
    if pid == 0:
        _become(argv, say)
    os.close(say)
    with os.fdopen(error, "rb") as pipe:
        number = pipe.read()  # ends with a successful exec
    if number:
        os.waitpid(pid, 0)
        _tell(link, f"error {number.decode()}")
        sys.exit(0)
    return pid


def _become(argv: list[str], say: int) -> None:
    """Be the command; it dies with its keeper."""
    try:
        os.setsid()
        _prctl(_PDEATHSIG, signal.SIGKILL)
        signal.set_wakeup_fd(-1)
        for name in _ORDINARY:  # what is ignored stays ignored, and Python ignores two
            signal.signal(getattr(signal, name), signal.SIG_DFL)
        os.execvp(argv[0], argv)
    except OSError as error:
        os.write(say, str(error.errno).encode())
    finally:
        os._exit(127)


def _let_go_of_files(mine: set[int]) -> None:
    """Hold nothing of the command's: what it writes to ends when its last process does."""
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    for name in os.listdir("/proc/self/fd" if _LINUX else "/dev/fd"):
        if int(name) > 2 and int(name) not in mine:
            with contextlib.suppress(OSError):  # the one of the listing
                os.close(int(name))


def _tell(link: socket.socket, text: str) -> None:
    with contextlib.suppress(OSError):  # nobody listens any more
        link.sendall(text.encode() + b"\n")


def _follow(command: int, link: socket.socket, woken: int) -> int | None:
    """Obey until the command ends; return its status, or None if the tree is to be killed."""
    heard = b""
    watched: list[Any] = [link, woken]
    while True:
        ready, _, _ = select.select(watched, [], [])
        if woken in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(woken, 4096)
            status = _reap(command)
            if status is not None:
                return status
        if link in ready:
            try:
                data = link.recv(4096)
            except OSError:
                data = b""
            *lines, heard = (heard + data).split(b"\n")
            if not data or b"kill" in lines:
                return None
            for line in lines:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(command, int(line))


def _reap(command: int) -> int | None:
    """Wait for every child that has ended; return the command's status if it is among them."""
    status = None
    with contextlib.suppress(ChildProcessError):  # there is no child at all
        while True:
            pid, code = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            if pid == command:
                status = os.waitstatus_to_exitcode(code)
    return status


def _kill_tree(command: int, *, alive: bool) -> None:
    """Kill until nothing is left.

    All are stopped before any is killed: a process that sees its child die may start another one.
    """
    if alive:  # so that off Linux, too, the group ends; here its number is still the command's
        _send({-command}, signal.SIGKILL)
    until_s = time.monotonic() + _PATIENCE_S
    pause_s = 0.001
    while time.monotonic() < until_s:
        if _reap(command) is not None:
            alive = False
        left = descendants(os.getpid())
        if not left and not alive:
            return
        stopped: set[int] = set()
        while left - stopped:
            _send(left - stopped, signal.SIGSTOP)
            stopped |= left
            left = descendants(os.getpid())
        _send(stopped, signal.SIGKILL)
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, 0.1)


def _send(pids: set[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def descendants(root: int) -> set[int]:
    """Return a process's descendants, the ended ones that were not waited for among them."""
    if not _LINUX:
        return set()
    try:
        return _by_children(root)
    except FileNotFoundError:  # a kernel without CONFIG_PROC_CHILDREN, or the root is gone
        return _by_parents(root)


def _by_children(root: int) -> set[int]:
    found: set[int] = set()
    new = _children(root)
    while new:
        found |= new
        for pid in tuple(new):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it is gone by now
                new |= _children(pid)
        new -= found
    return found


def _children(pid: int) -> set[int]:
    children: set[int] = set()
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:
            children.update(map(int, file.read().split()))
    return children


def _by_parents(root: int) -> set[int]:
    parent_of: dict[int, int] = {}
    for name in filter(str.isdecimal, os.listdir("/proc")):
        with (
            contextlib.suppress(FileNotFoundError, ProcessLookupError),
            open(f"/proc/{name}/stat", "rb") as file,
        ):
            # The name, in parentheses, may hold anything.
            parent_of[int(name)] = int(file.read().rpartition(b")")[2].split()[1])
    found: set[int] = set()
    while new := {pid for pid, parent in parent_of.items() if parent in {root, *found}} - found:
        found |= new
    return found


if __name__ == "__main__":
    main()
