"""The roles as which the import comes to Nexus: each can do its duty and no more (include/sql/grants.sql)."""

from __future__ import annotations

from typing import Any, Literal

from psycopg import Connection

from nexus_import.errors import ConfigurationError
from nexus_import.nexus.catalog_hazards import read_excess_rights

Duty = Literal["import", "backup", "restore"]


def find_excess(connection: Connection[Any], duty: Duty) -> str | None:
    """Return what is wrong when the connection may do more than this duty needs, None when it may not."""
    role, excess = read_excess_rights(connection)
    if not excess:
        return None
    wanted = f"nexus_{duty}"
    return (
        f"the connection for the {duty} comes to Nexus as {role}, and {' and '.join(excess)}: nothing would keep a "
        f"mistake from the tables. Create the login role {wanted} (CREATE ROLE {wanted} LOGIN PASSWORD …), run "
        f"include/sql/grants.sql, and let the connection log in as {wanted}"
    )


def require_restricted(connection: Connection[Any], duty: Duty) -> None:
    """Raise `ConfigurationError` when the connection may do more to Nexus than this duty needs."""
    if excess := find_excess(connection, duty):
        raise ConfigurationError(f"Nothing was done: {excess}.")
