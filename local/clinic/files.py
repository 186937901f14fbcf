"""What documents and image batches have in common: kinds, owners, and the evidence of whose they are.

An import asks four witnesses in this order: the metadata, the link to a live patient, FileMaker's own record,
the patient's id inside the storage key. The first that answers is right for every row made here; where a
later one says otherwise, it is the link that is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from .bodies import content_type_of
from .configuration import Configuration
from .dice import Dice, us_timestamp
from .ledger import Ledger, Row, StoredObject
from .source import Patient

BUCKET = "nexus"  # the bucket's name as the rows carry it; an import only compares keys
METADATA_SHARE = 0.03  # rows with a right link that carry the metadata as well
ARRIVED_SHARE = 0.1  # dangling rows of patients whom Nexus has to get first
IMPORT_ROWS_PER_SECOND = 20


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a row says about its patient: ids as stored, None where it says nothing."""

    linked_id: str | None
    metadata_id: str | None = None
    key_id: str = "unlinked"

    @property
    def metadata(self) -> Row | None:
        """The JSON of the metadata column."""
        return {"filemaker_patient_id": self.metadata_id} if self.metadata_id else None


class FileRows:
    """Base of what makes the rows of files; `records` are FileMaker's records of them, as field values."""

    subject: str

    def __init__(self, ledger: Ledger, configuration: Configuration) -> None:
        self.ledger = ledger
        self.configuration = configuration
        self.dice: Dice = ledger.dice(self.subject)
        self.records: list[Row] = []

    def owner(self, kind: str) -> Patient:
        """Return whose file it is."""
        if kind == "dangling" and self.dice.chance(ARRIVED_SHARE):
            return self.dice.pick(self.ledger.source.arrived)
        return self.dice.pick(self.ledger.source.established)

    def evidence(self, patient: Patient, kind: str) -> Evidence:
        """Return what a row of this kind says about its patient."""
        metadata_id = patient.key.lower() if self.dice.chance(0.3) else patient.key
        former_id = self.ledger.former_id(patient)
        if kind == "dangling":
            return Evidence(linked_id=former_id, key_id=former_id)
        live_id = self.ledger.patient_id(patient)
        if kind == "wrong_link":
            wrong = self.dice.other(self.ledger.source.established, patient)
            return Evidence(self.ledger.patient_id(wrong), metadata_id, key_id=former_id)
        if kind == "only_storage_key":
            return Evidence(linked_id=former_id, key_id=live_id)
        if kind == "only_metadata":
            return Evidence(None, metadata_id)
        if kind == "uploaded":
            return Evidence(live_id)
        key_id = live_id if self.dice.chance(0.7) else self.dice.pick((former_id, "unlinked"))
        return Evidence(live_id, metadata_id if self.dice.chance(METADATA_SHARE) else None, key_id)

    def exported(self) -> str:
        """Return when the next record's file was exported, as FileMaker prints it."""
        seconds = len(self.records) // IMPORT_ROWS_PER_SECOND
        return us_timestamp(self.ledger.opened + timedelta(seconds=seconds))

    def store(self, key: str, kind: str, row_id: str) -> None:
        """Have storage hold the object of a row."""
        self.ledger.objects.append(StoredObject(key, content_type_of(key), kind, row_id))
