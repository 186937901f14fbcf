"""Settings of a transaction: how values are written as text, and how long it may wait for others or for us."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

FORMATS = {
    "client_encoding": "UTF8",
    "datestyle": "ISO",
    "intervalstyle": "postgres",
    "timezone": "UTC",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "lc_monetary": "C",
    "xmloption": "content",
    "search_path": "public",
    # a row-level policy would hide rows from a backup without a word; so it is an error
    "row_security": "off",
}


def allow_waiting(connection: Connection[Any]) -> None:
    """Let this transaction stay open while S3 is at work, whatever the database allows others: it locks no live row."""
    connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")


def pin_formats(connection: Connection[Any]) -> None:
    """Pin the settings that change the text of a value, until the transaction ends."""
    for name, value in FORMATS.items():
        connection.execute("SELECT set_config(%s, %s, true)", (name, value))
