"""Whether a role has exactly the rights that `include/sql/grants.sql` gives it: what is missing, what is too much."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row

from nexus_import.nexus.catalog import TABLES
from nexus_import.nexus.roles import Duty, find_excess
from nexus_import.nexus.sql import compose

OWN_SCHEMAS = ("nexus_import", "nexus_staging", "nexus_work")
NAMED_TABLES = 5
"""So many tables are named in a sentence; the others are counted."""


def find_missing(connection: Connection[Any], duty: Duty) -> Iterator[str]:
    """Yield what the role of the connection lacks for its duty; which tables the import may write says the guard."""
    role = read_role(connection)
    tables = _read_tables(connection)
    if unread := [table["name"] for table in tables if not table["can_read"]]:
        yield f"it may not read {_some(unread)}"
    if duty == "backup":
        return
    if absent := sorted({*OWN_SCHEMAS} - {*role["schemas"]}):
        yield f"there is no schema {', '.join(absent)}"
    elif duty == "import" and (closed := sorted({*OWN_SCHEMAS} - {*role["own_schemas"]})):
        yield f"it may make no tables in {', '.join(closed)}"
    if duty == "restore":
        if unwritten := [table["name"] for table in tables if not table["can_write"]]:
            yield f"it may not write {_some(unwritten)}"
        if not role["is_import"]:
            yield "it is no member of nexus_import, and could not make a lost journal anew"
        if not role["can_make_temporary"]:
            yield "it may make no temporary tables"


def find_too_much(connection: Connection[Any], duty: Duty, writable: Collection[str]) -> Iterator[str]:
    """Yield what the role of the connection may do beyond its duty; `writable` are the tables an import may write."""
    if excess := find_excess(connection, duty):
        yield excess  # an owner or superuser may do all the rest as well
        return
    role = read_role(connection)
    acts = {
        "create roles": role["can_create_roles"],
        "create databases": role["can_create_databases"],
        "replicate the server": role["can_replicate"],
    }
    yield from (f"it may {act}" for act, may in acts.items() if may)
    if role["may_make_in"]:
        yield f"it may create things in {' and '.join(role['may_make_in'])}"
    allowed = {"import": writable, "backup": ()}.get(duty)
    written = [table["name"] for table in _read_tables(connection) if table["can_write_some"]]
    if allowed is not None and (beyond := [name for name in written if name not in allowed]):
        yield f"it may write {_some(beyond)}"


def read_role(connection: Connection[Any]) -> dict[str, Any]:
    """Return the row of `doctor/read_role.sql`."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(compose("doctor/read_role.sql")).fetchone() or {}


def read_server(connection: Connection[Any]) -> dict[str, Any]:
    """Return the row of `doctor/read_server.sql`, and `is_pooled`: whether a pooler is between."""
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(compose("doctor/read_server.sql")).fetchone() or {}
    # a pooler hands out numbers of its own for the processes behind it
    return found | {"is_pooled": found.get("process_id") != connection.info.backend_pid}


def find_hold_still_mistake(connection: Connection[Any]) -> str | None:
    """Return what is wrong with `nexus_import.hold_still`, None when the import can hold tables still by it."""
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(compose("doctor/read_hold_still.sql")).fetchone()
    if found is None:
        return "there is no function nexus_import.hold_still(text)"
    if not found["can_call"]:
        return "the import may not call nexus_import.hold_still"
    if not found["acts_as_owner"]:
        return f"nexus_import.hold_still does not act as {found['owner']}, who owns the patients"
    return None


def _read_tables(connection: Connection[Any]) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(compose("doctor/read_rights.sql", tables=TABLES)).fetchall()


def _some(names: list[str]) -> str:
    more = len(names) - NAMED_TABLES
    return ", ".join(names[:NAMED_TABLES]) + (f" and {more} more tables" if more > 0 else "")
