"""How a session writes values as text, on every server the same, and how long a transaction may wait.

Rows are kept as text (backups, images of a publish) and compared by digests of text, one session's with another's: a
server that is set to another time zone or style must not make them differ.
"""

from __future__ import annotations

from typing import Any

from psycopg import Connection

TEXT_OF_VALUES = {
    "datestyle": "ISO",
    "intervalstyle": "postgres",
    "timezone": "UTC",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "lc_monetary": "C",
    "xmloption": "content",
}
FORMATS = TEXT_OF_VALUES | {
    "client_encoding": "UTF8",
    "search_path": "public",
    # a row-level policy would hide rows from a backup without a word; so it is an error
    "row_security": "off",
}
SESSION_OPTIONS = " ".join(f"-c {name}={value}" for name, value in TEXT_OF_VALUES.items())
"""What a connection is opened with that reads or writes images and digests of rows."""


def allow_waiting(connection: Connection[Any]) -> None:
    """Let this transaction stay open while S3 is at work, whatever the database allows others: it locks no live row."""
    connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")


def pin_formats(connection: Connection[Any]) -> None:
    """Pin the settings that change the text of a value, until the transaction ends."""
    for name, value in FORMATS.items():
        connection.execute("SELECT set_config(%s, %s, true)", (name, value))
