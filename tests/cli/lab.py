"""A lab of two people on one store: a file, or a server with a login for each."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.cli.project import Finished, Project
from tests.postgres import PostgresServer


@dataclass(frozen=True)
class Person(Project):
    """A member of the lab: a name, a state folder and a copy of the project of their own."""

    name: str = ""
    url: str = ""
    more: dict[str, str] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        """Return the environment of this person."""
        return {**super().env, "LOGNAME": self.name, "SWEEPER_STORE": self.url, **self.more}

    def sweep(self, *args: str) -> Any:
        """Run the sweep and return its result."""
        done = self.run("run", "sweep.yaml", "--local", "--json", *args)
        assert done.code == 0, done.err
        return done.json

    def cache(self, *args: str, code: int = 0) -> Finished:
        """Run a verb of ``sweeper cache``."""
        done = self.run("cache", *args)
        assert done.code == code, done.out + done.err
        return done


@dataclass(frozen=True)
class Lab:
    """Ann and Bob, and who may do everything."""

    ann: Person
    bob: Person
    admin: Person


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def lab(request: pytest.FixtureRequest, project: Project, tmp_path: Path) -> Lab:
    """A store that Ann and Bob share; each has a copy of one repository."""
    if request.param == "sqlite":
        names = {"ann": "ann", "bob": "bob", "admin": "root"}
        urls = dict.fromkeys(names, f"sqlite:///{tmp_path}/shared/store.db")
        (tmp_path / "shared").mkdir()
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database, mark = server.database(), uuid4().hex[:6]
        names = {"ann": f"ann_{mark}", "bob": f"bob_{mark}", "admin": "owner"}
        urls = {who: server.url(database, user=name) for who, name in names.items()}
        admin = Person(project.folder, tmp_path / "state-admin", "owner", urls["admin"])
        assert admin.cache("migrate").out
        for who in ("ann", "bob"):
            server.sql(f'CREATE ROLE "{names[who]}" LOGIN IN ROLE sweeper_rw')
    people = {}
    for who, name in names.items():
        folder = tmp_path / who
        shutil.copytree(project.folder, folder)
        people[who] = Person(folder, tmp_path / f"state-{who}", name, urls[who])
    return Lab(**people)
