"""Documents: imported from FileMaker or uploaded in Nexus, with every kind of evidence about their patient."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from . import names
from .bodies import content_type_of, size_bytes
from .dice import us_date, zoned
from .files import BUCKET, Evidence, FileRows
from .ledger import Row
from .sizes import Sizes
from .source import Patient

EXTENSIONS = (".pdf", ".pdf", ".pdf", ".pdf", ".jpg", ".png")
GONE_FROM_FILEMAKER = {"only_storage_key", "only_metadata"}
OLDEST_DAYS = 900


class Documents(FileRows):
    """Makes the rows of `documents_document`."""

    subject = "documents"

    def add(self, sizes: Sizes) -> list[Row]:
        """Add all documents and return FileMaker's records of them."""
        special = {
            "wrong_link": sizes.documents_wrong_link,
            "dangling": sizes.documents_dangling,
            "only_storage_key": sizes.documents_only_storage_key,
            "only_metadata": sizes.documents_only_metadata,
            "uploaded": sizes.documents_uploaded,
        }
        for kind in self.dice.kinds(special, sizes.documents, "linked"):
            patient = self.owner(kind)
            evidence = self.evidence(patient, kind)
            if kind == "uploaded":
                document_id = self.add_uploaded(patient, evidence)
            else:
                document_id = self._add_imported(patient, evidence, in_filemaker=kind not in GONE_FROM_FILEMAKER)
            self.ledger.truth.documents[document_id] = patient.key
            self.ledger.truth.document_kinds[document_id] = kind
        return self.records

    def _day(self) -> date:
        opened, today = self.ledger.opened.date(), self.ledger.today
        return self.dice.day(opened - timedelta(days=OLDEST_DAYS), today - timedelta(days=2))

    def _add_imported(self, patient: Patient, evidence: Evidence, *, in_filemaker: bool) -> str:
        filemaker_id, day = self.dice.filemaker_id(), self._day()
        document_type, extension = self.dice.pick(names.DOCUMENT_TYPES), self.dice.pick(EXTENSIONS)
        account = self.dice.pick(names.ACCOUNTS)
        category = document_type.lower().replace(" ", "-")
        folder = f"patients/filemaker-import/documents/{evidence.key_id}/{category}"
        key = f"{folder}/{filemaker_id}{extension}/{self.dice.uuid()}{extension}"
        row = self.row(key, evidence, self.ledger.opened) | {
            "category": category,
            "uploaded_by": account,
            "document_date": day,
            "filemaker_id": filemaker_id.lower(),
        }
        if in_filemaker:
            record: Row = {
                "id": filemaker_id,
                "patient_id": patient.key,
                "Type": document_type,
                "Date": us_date(day),
                "NexusExportDate": self.exported(),
                "creationAccountName": account,
            }
            self.records.append(record)
        return self.ledger.add("documents_document", row)

    def add_uploaded(self, patient: Patient, evidence: Evidence) -> str:
        """Add a document that staff uploaded in Nexus; return its id."""
        key = f"documents/{self.dice.uuid()}{self.dice.pick(EXTENSIONS)}"
        row = self.row(key, evidence, self.ledger.nexus_moment(self.dice)) | {
            "category": "other",
            "uploaded_by": self.dice.pick(names.ACCOUNTS),
            "document_date": self._day(),
        }
        return self.ledger.add_nexus_made("documents_document", row, patient)

    def row(self, key: str, evidence: Evidence, uploaded: datetime) -> Row:
        """Return a row for the file under `key`, which storage gets, with the application's blanks."""
        document_id, name = self.dice.uuid(), key.rpartition("/")[2]
        self.store(key, "document", document_id)
        return {
            "id": document_id,
            "content_type_id": self.configuration.content_types["patient"] if evidence.linked_id else None,
            "object_id": evidence.linked_id,
            "file_name": name,
            "original_name": name,
            "file_size": size_bytes(key),
            "mime_type": content_type_of(key),
            "s3_bucket": BUCKET,
            "s3_key": key,
            "s3_url": f"https://{BUCKET}.s3.ap-southeast-2.amazonaws.com/{key}",
            "category": "",
            "description": "",
            "tags": [],
            "uploaded_by": "",
            "uploaded_at": zoned(uploaded),
            "document_date": None,
            "updated_at": zoned(uploaded),
            "is_active": True,
            "filemaker_id": None,
            "filemaker_metadata": evidence.metadata,
        }
