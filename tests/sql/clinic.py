"""A clinic to break: FileMaker's records, live rows, the working copy and the files, each picked only once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import quote

from tests.support.installation import BUCKET, Installation

Fields = dict[str, Any]
FILEMAKER = "filemaker"


def anything(_: Fields) -> bool:
    """Accept every record."""
    return True


@dataclass
class Clinic:
    """An installation as defects see it; no two of them meet in one record or row."""

    installation: Installation
    _picked: set[tuple[str, str]] = field(default_factory=set)
    _undo: ExitStack = field(default_factory=ExitStack)

    def records(self, layout: str) -> dict[str, Fields]:
        """Return FileMaker's records of a layout as they were before any change, by record id."""
        return self._layouts[layout]

    def pick_record(self, layout: str, where: Callable[[Fields], bool] = anything) -> tuple[str, Fields]:
        """Return a record that no defect has, with its fields."""
        for record_id, fields in self.records(layout).items():
            if (layout, record_id) not in self._picked and where(fields):
                self._picked.add((layout, record_id))
                return record_id, fields
        raise LookupError(f"no record of {layout} is left to break")

    def edit(self, layout: str, fields: Fields, where: Callable[[Fields], bool] = anything) -> str:
        """Change a record in FileMaker and return its record id."""
        record_id, _ = self.pick_record(layout, where)
        self.installation.simulator.control.edit_record(layout, record_id, fields)
        return record_id

    def mend(self, layout: str, record_id: str) -> None:
        """Put a record in FileMaker back to what it was."""
        self.installation.simulator.control.edit_record(layout, record_id, self.records(layout)[record_id])

    def duplicate(self, layout: str) -> tuple[str, str]:
        """Insert a second record with the id of another, in other case; return both in the import's order."""
        record_id, fields = self.pick_record(layout)
        copy = self.installation.simulator.control.insert_record(layout, fields | {"id": fields["id"].lower()})
        first, second = sorted((record_id, copy))
        return first, second

    def pick_row(self, table: str, where: str = "TRUE", *values: Any) -> str:
        """Return the id of a row that no defect has; `table` carries its schema."""
        name = table.partition(".")[2]
        for (row_id,) in self.installation.rows(
            f"SELECT id::text FROM {table} AS t WHERE {where} ORDER BY id", *values
        ):
            if (name, row_id) not in self._picked:
                self._picked.add((name, row_id))
                return str(row_id)
        raise LookupError(f"no row of {table} with {where} is left to break")

    def row_of(self, table: str, layout: str, where: str = "TRUE") -> tuple[str, str]:
        """Return (record id, row id) of a row that no defect has, by the FileMaker id that it carries."""
        column = {"patients": "filemaker_metadata ->> 'filemaker_id'", "appointments": "filemaker_event_id::text"}
        key = column.get(table.partition(".")[2], "filemaker_id::text")
        by_id = {fields["id"].lower(): record_id for record_id, fields in self.records(layout).items()}
        row_id = self.pick_row(table, f"{where} AND lower({key}) = ANY(%s)", list(by_id))
        (filemaker_id,) = self.installation.rows(f"SELECT lower({key}) FROM {table} WHERE id = %s", row_id)[0]
        return by_id[filemaker_id], row_id

    def change_live(self, statement: str, *values: Any) -> None:
        """Run a statement on live Nexus, as Nexus."""
        self.installation.execute(statement, *values)

    def change_copy(self, statement: str, *values: Any) -> None:
        """Run a statement on the working copy, as the import."""
        with self.installation.importer() as connection:
            connection.execute(statement.encode(), values or None)

    def clone_row(self, table: str, row_id: str, **changes: Any) -> str:
        """Insert a copy of a row with a new id and other `changes`, and return the id."""
        new_id = str(self.installation.value("SELECT gen_random_uuid()"))
        self._picked.add((table.partition(".")[2], new_id))
        change = self.change_copy if table.startswith("nexus_work.") else self.change_live
        change(
            f"INSERT INTO {table} SELECT (jsonb_populate_record(t, %s::jsonb)).* FROM {table} AS t WHERE id = %s",
            json.dumps({"id": new_id} | changes),
            row_id,
        )
        return new_id

    def replace_object(self, key: str, body: bytes | None) -> None:
        """Put another body in the place of an object, None for no object; `put_files_back` undoes it."""
        s3 = self.installation.s3()
        stored = s3.get_object(Bucket=BUCKET, Key=key)
        former = {"Bucket": BUCKET, "Key": key, "Body": stored["Body"].read(), "ContentType": stored["ContentType"]}
        self._undo.callback(lambda: s3.put_object(**former))
        if body is None:
            s3.delete_object(Bucket=BUCKET, Key=key)
        else:
            s3.put_object(Bucket=BUCKET, Key=key, Body=body)

    def body_of(self, key: str) -> bytes:
        """Return the body of an object."""
        body: bytes = self.installation.s3().get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return body

    @contextmanager
    def files_put_back(self) -> Iterator[None]:
        """Undo what happened to the files: the bucket is shared."""
        with self._undo:
            yield

    @cached_property
    def _layouts(self) -> dict[str, dict[str, Fields]]:
        folder = self.installation.parts.clinic / FILEMAKER
        layouts = ("Contacts", "Appointments", "Notes", "Letters", "Reminders", "Docs", "Images")
        documents = [json.loads((folder / f"{quote(f'API_{name}')}.json").read_text()) for name in layouts]
        return {
            document["layout"]: {record["recordId"]: record["fieldData"] for record in document["records"]}
            for document in documents
        }
