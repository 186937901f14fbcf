"""Makes the whole clinic: FileMaker's records, the live rows of Nexus, the files in storage and the truth."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from . import texts
from .accounting import add_accounting
from .belongings import add_belongings
from .configuration import configure
from .copyfile import write_tables
from .documents import Documents
from .filemaker import write_filemaker
from .images import Images
from .ledger import Ledger
from .live import add_appointments, add_imported_notes, add_patients
from .sizes import Sizes
from .source import make_source


@dataclass(frozen=True)
class ClinicSummary:
    """What was made: the directory, records by FileMaker layout, rows by Nexus table, objects in storage."""

    directory: Path
    filemaker: dict[str, int]
    nexus: dict[str, int]
    object_count: int


def make_clinic(directory: Path, *, scale: float = 1.0, seed: int = 1, today: date | None = None) -> ClinicSummary:
    """Write a synthetic clinic that has been in use for months into `directory`, and say what it holds.

    The same `scale`, `seed` and `today` give the same bytes. `scale` multiplies every count of the reference
    clinic (2,842 patients); `today` is the day the clinic is as of, by default this day. An older clinic in
    the directory is overwritten. Raises ValueError for a scale that is not positive, OSError when the
    directory cannot be written.
    """
    today = today or date.today()
    sizes = Sizes.at_scale(scale)
    source = make_source(sizes, seed, today)
    ledger = Ledger(source, seed, today)
    configuration = configure(ledger, sizes)
    add_patients(ledger, configuration, sizes)
    add_appointments(ledger, configuration, sizes)
    add_imported_notes(ledger, sizes)
    add_belongings(ledger, configuration, sizes)
    add_accounting(ledger, configuration, sizes)
    documents = Documents(ledger, configuration).add(sizes)
    images = Images(ledger, configuration).add(sizes)
    directory.mkdir(parents=True, exist_ok=True)
    layouts = write_filemaker(directory / "filemaker", source, documents, images, seed)
    tables = write_tables(directory / "nexus", ledger.tables)
    ledger.truth.counts = {"filemaker": layouts, "nexus": tables, "storage": {"objects": len(ledger.objects)}}
    _write_objects(directory, ledger)
    _write_truth(directory, ledger)
    _write_personal_values(directory, ledger)
    return ClinicSummary(directory, layouts, tables, len(ledger.objects))


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
