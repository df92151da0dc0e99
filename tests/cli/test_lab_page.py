"""docs/lab.md, letter by letter: its commands set a lab up on a real server."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.project import Project
from tests.postgres import OWNER, PostgresServer, binaries

PAGE = (Path(__file__).parents[2] / "docs/lab.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)

pytestmark = pytest.mark.postgres


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A server of its own: the page makes roles, and a database by a name."""
    made = PostgresServer()
    yield made
    made.destroy()


def run(text: str, project: Project, server: PostgresServer) -> str:
    """Run a text in a shell, as who administers the server; return what it prints."""
    path = os.pathsep.join([str(Path(sys.executable).parent), str(binaries()), os.environ["PATH"]])
    env = {
        **{name: value for name, value in project.env.items() if not name.startswith("PG")},
        "PATH": path, "PGHOST": str(server.folder), "PGUSER": OWNER, "PGADMIN": OWNER,
    }  # fmt: skip
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=project.folder, env=env, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_ten_commands_set_a_lab_up(project: Project, server: PostgresServer) -> None:
    """From nothing to a sweep in the shared store, what one may only read, and a backup."""
    numbers = [int(number) for block in BLOCKS for number in re.findall(r"  # ?(\d+)  ?", block)]
    assert numbers == list(range(1, 11))
    out = run("".join(BLOCKS), project, server)
    assert "4 asked = 4 trained" in out
    assert "as alice (sweeper_rw)" in out
    assert '"who": "alice"' in out, "the server says who it was"
    assert "4 record(s) in results.jsonl.gz" in out
    assert (project.folder / "sweeper.dump").stat().st_size > 1000
    bob = BLOCKS[1].replace("alice", "bob")
    role = 'psql -q sweeper -c "CREATE ROLE bob LOGIN IN ROLE sweeper_rw"\n'
    store = "export SWEEPER_STORE=postgresql+psycopg:///sweeper\n"
    assert "0 trained + 4 from the store" in run(store + role + bob, project, server)


def test_doctor_says_what_the_page_says(project: Project, server: PostgresServer) -> None:
    """The same lines in the same order, all well but what a fresh login lacks."""
    run(BLOCKS[0], project, server)
    as_alice = "export SWEEPER_STORE=postgresql+psycopg:///sweeper PGUSER=alice\n"
    found = json.loads(run(as_alice + "sweeper cache doctor --json", project, server))["checks"]
    printed = re.search(r"\$ sweeper cache doctor\n(.*?)```", PAGE, re.DOTALL)
    assert printed is not None
    lines = re.findall(r"^(ok|warn|fail) +(\w+)", printed[1], re.MULTILINE)
    assert [(one["health"], one["check"]) for one in found] == lines
    for one in found:
        if one["cure"].startswith("ALTER ROLE"):
            run(f'psql -q sweeper -c "{one["cure"]}"', project, server)
    again = json.loads(run(as_alice + "sweeper cache doctor --json", project, server))["checks"]
    assert {one["health"] for one in again} == {"ok"}, again


def test_who_may_only_read_is_told_so(project: Project, server: PostgresServer) -> None:
    """A sweep by the reader is refused before anything is trained."""
    run(BLOCKS[0], project, server)
    as_reader = "export SWEEPER_STORE=postgresql+psycopg:///sweeper PGUSER=dashboard\n"
    said = run(as_reader + "sweeper run sweep.yaml --local 2>&1 || true", project, server)
    assert said.splitlines()[-1].startswith("error: store: ")
    assert "sweeper_rw" in said
