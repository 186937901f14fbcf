"""How a session writes values as text: the same when a backup is taken and when it is put back."""

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


def pin_formats(connection: Connection[Any]) -> None:
    """Pin the settings that change the text of a value, until the transaction ends."""
    for name, value in FORMATS.items():
        connection.execute("SELECT set_config(%s, %s, true)", (name, value))
