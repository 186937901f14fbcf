"""FileMaker's side on disk: `database.json` and one JSON file per layout, as the simulator reads them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from .dice import Dice
from .ledger import Row

DATABASE = "Clinic"
USER = "nexus_import"
MOST_MODIFICATIONS = 12
MOST_GAP = 3  # record ids have gaps: deleted records

Layouts = Mapping[str, tuple[str, tuple[str, ...]]]
"""Layout: (table, fields as `name:result:marks`); the result is text where none is given.

Marks are `calc` for a calculation, `global` for one value in the whole file, `x4` for four repetitions.
"""


def write_access(directory: Path, dice: Dice) -> None:
    """Write `database.json`: the database, its user and a password."""
    directory.mkdir(parents=True, exist_ok=True)
    access = {"database": DATABASE, "user": USER, "password": dice.token()[:24]}
    (directory / "database.json").write_text(json.dumps(access, indent=2) + "\n", encoding="utf-8")


def write_layout(
    directory: Path, layout: str, table: str, fields: Sequence[str], records: Iterable[Row] | None
) -> None:
    """Write the file of one layout; one without records shows the table that another layout brings."""
    document: Row = {"layout": layout, "table": table, "fields": [described(field) for field in fields]}
    if records is not None:
        document["records"] = list(records)
    path = directory / f"{quote(layout, safe='')}.json"
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")


def described(field: str) -> Row:
    """Return the metadata of a field given as `name:result:marks`."""
    name, result, marks = (*field.split(":"), "", "")[:3]
    metadata: Row = {"name": name, "result": result or "text"}
    if marks == "calc":
        metadata["type"] = "calculation"
    elif marks == "global":
        metadata["global"] = True
    elif marks.startswith("x"):
        metadata["maxRepeat"] = int(marks[1:])
    return metadata


def field_names(fields: Iterable[str]) -> list[str]:
    """Return the names of fields given as `name:result:marks`."""
    return [field.partition(":")[0] for field in fields]


def numbered(dice: Dice, last_id: int, row: Row) -> Row:
    """Return a row as a record with the next record id, some way above `last_id`."""
    record_id = last_id + dice.number(1, MOST_GAP)
    return {"recordId": str(record_id), "modId": str(dice.number(0, MOST_MODIFICATIONS)), "fieldData": row}


def carriage_returns(text: str) -> str:
    """Return a text with FileMaker's line ends."""
    return text.replace("\n", "\r")
