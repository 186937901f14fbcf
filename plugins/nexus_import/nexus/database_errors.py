"""PostgreSQL's errors in words that hold no row's values."""

from __future__ import annotations

import psycopg

QUOTING_CLASSES = ("21", "22", "23", "2F", "38", "39", "P0")
"""SQLSTATE classes whose messages may quote values: data exceptions, broken constraints, raised by functions."""


def describe(error: psycopg.Error) -> str:
    """Say what PostgreSQL refused, and what to do in Airflow."""
    return f"{say(error)} The transaction was rolled back; clear this task with downstream when the cause is mended."


def say(error: psycopg.Error) -> str:
    """Say what PostgreSQL refused: error, table, column and constraint, never a value."""
    diagnosis = error.diag
    named = [
        f"{label} {value}"
        for label, value in (
            ("table", diagnosis.table_name),
            ("column", diagnosis.column_name),
            ("constraint", diagnosis.constraint_name),
        )
        if value
    ]
    if error.sqlstate is None:
        said = "the connection was lost or could not be made"
    elif error.sqlstate.startswith(QUOTING_CLASSES):
        said = "a value broke a rule"
    else:
        said = diagnosis.message_primary or "no message"
    where = f" ({', '.join(named)})" if named else ""
    return f"PostgreSQL: {type(error).__name__} {error.sqlstate or ''}: {said}{where}."
