"""Who may do what in a lab's PostgreSQL store, and who did it: roles, grants, triggers.

Owns: the three roles and their rights. Facts (component, config, record, verdict, use) are inserted
and never changed; the column ``who`` is the server's word, not the client's. Talks to PostgreSQL
only; its caller holds the transaction. Docs: docs/lab.md.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection

from sweeper.store.schema import (
    claim,
    component,
    config,
    meta,
    metadata,
    record,
    sweep,
    trial,
    use,
    verdict,
)

__all__ = ["ADMIN", "FACTS", "READER", "STAMPED", "TIMEOUTS", "WRITER", "install_roles"]

READER, WRITER, ADMIN = "sweeper_ro", "sweeper_rw", "sweeper_admin"
FACTS = (component.name, config.name, record.name, verdict.name, use.name)
STAMPED = (sweep.name, claim.name, record.name, verdict.name, use.name)
# A driver that hangs must not hold others up: seconds that a transaction may wait, run, and idle.
TIMEOUTS = {
    "lock_timeout": "5s",
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "30s",
}
_TABLES = tuple(table.name for table in metadata.sorted_tables)

_STAMP = f"""
CREATE OR REPLACE FUNCTION sweeper_stamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_TABLE_NAME = '{record.name}' THEN
    IF NEW.origin IS NOT NULL THEN
      IF NOT pg_has_role(current_user, '{ADMIN}', 'member') THEN
        RAISE EXCEPTION 'only {ADMIN} may import records' USING ERRCODE = '42501';
      END IF;
      RETURN NEW;
    END IF;
  END IF;
  NEW.who := current_user;
  RETURN NEW;
END $$
"""


def install_roles(connection: Connection) -> None:
    """Make the roles, their grants and the triggers; harmless where they are there.

    The grants of a role that was changed by hand are brought back to what they are here.

    Args:
        connection: To PostgreSQL, in a transaction, as the owner of the tables who may also make
            roles.

    Raises:
        SQLAlchemyError: If this login may not do that.
    """
    for statement in _statements():
        connection.exec_driver_sql(statement)


def _statements() -> Iterator[str]:
    for role in (READER, WRITER, ADMIN):
        yield _made(role)
    yield from _rights()
    yield _STAMP
    for table in STAMPED:
        yield f"DROP TRIGGER IF EXISTS sweeper_stamp ON {table}"
        yield (
            f"CREATE TRIGGER sweeper_stamp BEFORE INSERT ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION sweeper_stamp()"
        )


def _made(role: str) -> str:
    """Make a role that nobody can log in as; people are members of it."""
    return (
        f"DO $$ BEGIN CREATE ROLE {role} NOLOGIN; "
        "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
    )


def _rights() -> Iterator[str]:
    everything = ", ".join(_TABLES)
    everybody = ", ".join((READER, WRITER, ADMIN))
    yield f"REVOKE ALL ON {everything} FROM {everybody}"
    yield f"GRANT SELECT ON {everything} TO {everybody}"
    written = ", ".join(name for name in _TABLES if name != meta.name)
    yield f"GRANT INSERT ON {written} TO {WRITER}"
    yield f"GRANT UPDATE, DELETE ON {claim.name} TO {WRITER}"
    yield f"GRANT UPDATE ON {sweep.name}, {trial.name} TO {WRITER}"
    yield f"GRANT ALL ON {everything} TO {ADMIN}"
    yield f"GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO {READER}"  # for `cache doctor`
    yield f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {WRITER}"
    yield f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {ADMIN}"
