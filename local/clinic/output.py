"""Writes what was made of a clinic: rows, objects, the truth, and the values that no log may hold."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from . import texts
from .copyfile import write_tables
from .ledger import Ledger


@dataclass(frozen=True)
class ClinicSummary:
    """What was made: the directory, records by FileMaker layout, rows by Nexus table, objects in storage.

    `troubles` counts the records with each trouble, by `layout/kind`, where the clinic knows them.
    """

    directory: Path
    filemaker: dict[str, int]
    nexus: dict[str, int]
    object_count: int
    troubles: dict[str, int]


def write_clinic(directory: Path, ledger: Ledger, layouts: dict[str, int]) -> ClinicSummary:
    """Write everything but FileMaker's layouts, whose record counts are given, and say what there is."""
    tables = write_tables(directory / "nexus", ledger.tables)
    storage = {"objects": len(ledger.objects)}
    ledger.truth.counts |= {"filemaker": layouts, "nexus": tables, "storage": storage}
    _write_objects(directory, ledger)
    _write_truth(directory, ledger)
    _write_personal_values(directory, ledger)
    return ClinicSummary(directory, layouts, tables, len(ledger.objects), ledger.truth.counts.get("troubles", {}))


def _write_objects(directory: Path, ledger: Ledger) -> None:
    with (directory / "objects.jsonl").open("w", encoding="utf-8") as lines:
        for stored in ledger.objects:
            entry = {"key": stored.key, "content_type": stored.content_type, "kind": stored.kind}
            lines.write(json.dumps(entry | {"id": stored.row_id}) + "\n")


def _write_truth(directory: Path, ledger: Ledger) -> None:
    parts = ",\n".join(f"{json.dumps(name)}: {json.dumps(part)}" for name, part in ledger.truth.as_json().items())
    (directory / "truth.json").write_text(f"{{\n{parts}\n}}\n", encoding="utf-8")


def _write_personal_values(directory: Path, ledger: Ledger) -> None:
    """Write names, birth dates, phones and sentences, one a line, for searches that must find nothing."""
    source = ledger.source
    ledger.remember(*(texts.first_line(letter.body) for letter in source.letters))
    ledger.remember(*(reminder.text for reminder in source.reminders))
    ledger.remember(*(appointment.note for appointment in source.appointments if appointment.note))
    (directory / "personal_values.txt").write_text("\n".join(ledger.personal_values) + "\n", encoding="utf-8")
