from __future__ import annotations

import logging
from pathlib import Path

import pytest

from sweeper.errors import CacheError
from sweeper.store.filesystem import mounts, refuse_network, state_folder

MOUNTED = [("/", "ext4"), ("/home", "nfs4"), ("/home/ann/local", "xfs"), ("/data", "fuse.sshfs")]
NETWORK = ["nfs", "nfs4", "cifs", "smb3", "smbfs", "lustre", "gpfs", "beegfs", "ceph", "afs", "9p"]


@pytest.mark.parametrize("kind", NETWORK)
def test_network_file_systems_are_refused(kind: str) -> None:
    """The message has the place, the file system and the cure."""
    with pytest.raises(CacheError, match=rf"/net/ann is on {kind}, .*set SWEEPER_STORE"):
        refuse_network(Path("/net/ann"), [("/", "ext4"), ("/net", kind)])


@pytest.mark.parametrize("folder", ["/tmp", "/home/ann/local/state", "/homes/ann", "/"])
def test_local_file_systems_are_used(folder: str) -> None:
    """The longest mount point above the folder decides, by whole names."""
    refuse_network(Path(folder), MOUNTED)


def test_the_last_of_two_mounts_on_one_point_decides() -> None:
    """A mount hides what was mounted there before."""
    refuse_network(Path("/a/b"), [("/a", "nfs"), ("/a", "ext4")])
    with pytest.raises(CacheError):
        refuse_network(Path("/a/b"), [("/a", "ext4"), ("/a", "nfs")])


def test_fuse_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    """FUSE may be a network or not, so the user is told and the store is used."""
    with caplog.at_level(logging.WARNING):
        refuse_network(Path("/data/x"), MOUNTED)
    assert "fuse.sshfs" in caplog.text


def test_this_machine_has_mounts() -> None:
    """The root is among what is mounted, with a file system."""
    found = dict(mounts())
    assert found["/"]


@pytest.mark.parametrize(
    ("env", "folder"),
    [
        ({"XDG_STATE_HOME": "/state", "HOME": "/home/ann"}, "/state/sweeper"),
        ({"XDG_STATE_HOME": "relative", "HOME": "/home/ann"}, "/home/ann/.local/state/sweeper"),
        ({"XDG_STATE_HOME": "", "HOME": "/home/ann"}, "/home/ann/.local/state/sweeper"),
        ({}, str(Path.home() / ".local/state/sweeper")),
    ],
    ids=["set", "relative", "empty", "no home"],
)
def test_the_state_folder_follows_xdg(env: dict[str, str], folder: str) -> None:
    """XDG_STATE_HOME counts when it is absolute."""
    assert state_folder(env) == Path(folder)
