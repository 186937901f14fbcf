"""Documents and images: FileMaker's records, the rows that imports made of most of them, and what staff added."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import PurePosixPath

from .. import names
from ..dice import Dice, us_date, us_timestamp
from ..documents import EXTENSIONS, Documents
from ..files import Evidence
from ..images import Images
from ..ledger import Row
from ..source import Patient
from . import words
from .records import CONTAINER_FILES
from .scene import Scene

DOCUMENTS = "API_Docs"
IMAGES = "API_Images"
IMAGE_CONTAINERS = ("image_Full", "image_Ex_large", "image_large", "image_medium", "image_small")
IMAGE_EXTENSIONS = (".jpg",) * 16 + (".png", ".pdf")
OLDEST_DAYS = 2_500
OTHER_CONTENT_SHARE = 0.02  # containers whose file is not what its extension says
NOT_ARRIVED = {"only_filemaker", "empty_container", "marked_without_file"}
CONTENT_OF = {PurePosixPath(name).suffix: name for name in CONTAINER_FILES}


def export_mark(scene: Scene, dice: Dice) -> str:
    """Return `NexusExportDate` of an exported file, in one of the forms in which it was written back."""
    moment = scene.ledger.opened + timedelta(seconds=dice.number(0, 86_400))
    with_microseconds = f"{moment.isoformat('T', 'seconds')}.{dice.digits(6)}"
    return dice.rng.choices((with_microseconds, us_timestamp(moment), "1"), (0.8, 0.15, 0.05))[0]


def content(dice: Dice, extension: str) -> Row:
    """Return the value of a container whose file should have this extension."""
    fitting = CONTENT_OF[extension]
    return {"file": dice.pick(CONTAINER_FILES) if dice.chance(OTHER_CONTENT_SHARE) else fitting}


class ReferenceDocuments(Documents):
    """Makes `API_Docs` and the rows of `documents_document`."""

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene.ledger, scene.configuration)
        self.scene = scene

    def add_all(self) -> None:
        """Add all documents: imported ones, those that never arrived in Nexus, and staff's."""
        sizes = self.scene.sizes
        special = {
            "dangling": sizes.documents_dangling,
            "gone": sizes.documents_gone,
            "unlinked": sizes.documents_unlinked,
            "of_nobody": sizes.documents_of_nobody,
            "only_filemaker": sizes.documents_only_filemaker,
            "empty_container": sizes.documents_empty_container,
            "marked_without_file": sizes.documents_marked_without_file,
            "uploaded": sizes.documents_uploaded,
        }
        total = sizes.documents_linked - sizes.documents_gone + sum(special.values())
        dated = self.dice.kinds({"impossible_date": sizes.impossible_dates}, total, "dated")
        for kind, date_kind in zip(self.dice.kinds(special, total, "linked"), dated, strict=True):
            patient = self.dice.pick(self.ledger.source.established)
            if kind == "uploaded":
                document_id = self.add_uploaded(patient, Evidence(self.ledger.patient_id(patient)))
                self._tell(document_id, kind, patient)
            else:
                self._add_one(patient, kind, has_day=date_kind == "dated")

    def _tell(self, document_id: str, kind: str, patient: Patient) -> None:
        self.ledger.truth.document_kinds[document_id] = kind
        if kind != "of_nobody":
            self.ledger.truth.documents[document_id] = patient.key

    def _add_one(self, patient: Patient, kind: str, *, has_day: bool) -> None:
        opened, today = self.ledger.opened.date(), self.ledger.today
        day = self.dice.day(opened - timedelta(days=OLDEST_DAYS), today - timedelta(days=2)) if has_day else None
        key, document_type = self.dice.filemaker_id(), self.dice.pick(words.DOCUMENT_TYPES)
        extension = self.dice.pick(EXTENSIONS)
        if kind != "gone":
            self._add_record(patient, kind, key, document_type, extension, day)
        if kind not in NOT_ARRIVED:
            evidence = self._evidence_of(patient, kind)
            category = document_type.lower().replace(" ", "-")
            folder = f"patients/filemaker-import/documents/{evidence.key_id}/{category or 'other'}"
            path = f"{folder}/{key}{extension}/{self.dice.uuid()}{extension}"
            row = self.row(path, evidence, self.ledger.opened) | {
                "category": category,
                "uploaded_by": self.dice.pick(names.ACCOUNTS),
                "document_date": day,
                "filemaker_id": key.lower(),
            }
            self._tell(self.ledger.add("documents_document", row), kind, patient)

    def _evidence_of(self, patient: Patient, kind: str) -> Evidence:
        """Return link and storage key; most files were stored before the patients were imported again."""
        if kind in {"unlinked", "of_nobody"}:
            return Evidence(linked_id=None)
        former_id, live_id = self.ledger.former_id(patient), self.ledger.patient_id(patient)
        if kind == "dangling":
            return Evidence(former_id, key_id=former_id)
        return Evidence(live_id, key_id=live_id if self.dice.chance(0.2) else former_id)

    def _add_record(
        self, patient: Patient, kind: str, key: str, document_type: str, extension: str, day: date | None
    ) -> None:
        filemaker, dice = self.scene.filemaker, self.dice
        arrived = kind not in NOT_ARRIVED
        has_file = kind != "empty_container"
        is_marked = arrived or kind == "marked_without_file"
        moment = dice.moment(patient.created.date(), self.ledger.today - timedelta(days=1))
        record: Row = {
            "id": key,
            "id_Contact": "" if kind == "of_nobody" else filemaker.link(patient.key),
            "Type": document_type,
            "Date": us_date(day) if day else words.impossible_date(dice),
            "Doc": content(dice, extension) if has_file else "",
            "imported": "1" if arrived else "",
            "num": len(self.scene.truth.filemaker_documents) + 1,
            "NexusExportDate": export_mark(self.scene, dice) if is_marked else "",
            "creationTimestamp": us_timestamp(moment),
            "modificationTimestamp": us_timestamp(moment),
            "creationAccountName": dice.pick(names.ACCOUNTS),
        }
        troubles = {
            "no_patient": kind == "of_nobody",
            "not_in_nexus": not arrived,
            "empty_container": not has_file,
            "impossible_date": not day,
            "marked_without_file": is_marked and not arrived,
            "word_in_date_field": bool(document_type),
        }
        filemaker.add(DOCUMENTS, record, *(name for name, is_so in troubles.items() if is_so))
        self.scene.truth.filemaker_documents[key] = None if kind == "of_nobody" else patient.key


class ReferenceImages(Images):
    """Makes `API_Images` and the rows of `images_batch` and `images_image`."""

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene.ledger, scene.configuration)
        self.scene = scene

    def add_all(self) -> None:
        """Add a batch for each patient and day, empty ones of a repeated import, staff's, and single records."""
        sizes, dice = self.scene.sizes, self.dice
        special = {"dangling": sizes.batches_dangling, "impossible_date": sizes.impossible_dates}
        kinds = dice.kinds(special, sizes.batches, "linked")
        counts = [1] * len(kinds)
        for _ in range(sizes.images - len(kinds)):
            counts[dice.number(0, len(kinds) - 1)] += 1
        owners = dice.some(self.ledger.source.established, sizes.patients_with_images)
        taken: set[tuple[str, date]] = set()
        for number, (kind, count) in enumerate(zip(kinds, counts, strict=True)):
            patient = owners[number] if number < len(owners) else dice.pick(owners)
            day = self._day()
            while (patient.key, day) in taken:
                day = self._day()
            taken.add((patient.key, day))
            self._add_imported_batch(patient, kind, count, day)
        for _ in range(sizes.batches_empty):
            self._add_imported_batch(dice.pick(owners), "empty", 0, self._day())
        for _ in range(sizes.batches_uploaded):
            self._add_uploaded_batch(dice.pick(owners), dice.number(1, 5))
        not_arrived = {
            "no_patient": sizes.images_without_patient,
            "empty_container": sizes.images_empty_container,
            "marked_without_file": sizes.images_marked_without_file,
        }
        for kind in dice.kinds(not_arrived, sizes.images_only_filemaker + sum(not_arrived.values()), "only_filemaker"):
            self._add_record(dice.pick(owners), dice.pick(words.IMAGE_TYPES), us_date(self._day()), kind)

    def _day(self) -> date:
        opened, today = self.ledger.opened.date(), self.ledger.today
        return self.dice.day(opened - timedelta(days=OLDEST_DAYS), today - timedelta(days=2))

    def _tell(self, batch: Row, kind: str, patient: Patient) -> None:
        self.ledger.truth.batches[str(batch["id"])] = patient.key
        self.ledger.truth.batch_kinds[str(batch["id"])] = kind

    def _add_imported_batch(self, patient: Patient, kind: str, count: int, day: date) -> None:
        live_id = self.ledger.patient_id(patient)
        evidence = Evidence(self.ledger.former_id(patient) if kind == "dangling" else live_id)
        batch = self.batch_row(evidence, kind, day, count)
        has_day = kind != "impossible_date"
        day_text = us_date(day) if has_day else words.impossible_date(self.dice)
        if not has_day:
            batch["name"] = f"{day_text} (FileMaker Import)"
        self.ledger.add("images_batch", batch)
        self._tell(batch, kind, patient)
        for order in range(count):
            image_type = self.dice.pick(words.IMAGE_TYPES)
            key, recid, extension = self._add_record(patient, image_type, day_text, "arrived")
            image = self.image_row(f"filemaker-import/images-bulk-dump/{recid}{extension}", batch, order, day) | {
                "caption": f"{image_type} (record {recid})",
                "date_taken": day if has_day else None,
            }
            self.scene.truth.filemaker_images[key]["nexus_id"] = self.ledger.add("images_image", image)
            if not has_day:
                self.scene.filemaker.note_newest(IMAGES, "impossible_date")

    def _add_uploaded_batch(self, patient: Patient, count: int) -> None:
        day = self._day()
        batch = self.batch_row(Evidence(self.ledger.patient_id(patient)), "uploaded", day, count)
        self.ledger.add_nexus_made("images_batch", batch, patient)
        self._tell(batch, "uploaded", patient)
        self.add_uploaded(batch, count, day)

    def _add_record(self, patient: Patient, image_type: str, day_text: str, kind: str) -> tuple[str, str, str]:
        """Add FileMaker's record of an image; return its id, its record id and its file's extension."""
        filemaker, dice = self.scene.filemaker, self.dice
        key, extension = dice.filemaker_id(), dice.pick(IMAGE_EXTENSIONS)
        arrived, has_patient = kind == "arrived", kind != "no_patient"
        is_marked = arrived or kind == "marked_without_file"
        best = dice.pick(IMAGE_CONTAINERS[:3]) if kind != "empty_container" else ""
        record: Row = {
            "id": key,
            "id_Contact": filemaker.link(patient.key) if has_patient else "",
            "date": day_text,
            "Type": image_type,
            "fileNane": f"IMG_{dice.digits(4)}{extension.upper() if dice.chance(0.3) else extension}",
            "filesize": f"{dice.number(200, 4_000)} KB",
            "imported": "1" if arrived else "",
            "ID.KEY": "1",
            "NexusExportDate": export_mark(self.scene, dice) if is_marked else "",
            "best_image_container": best,
        }
        if best:
            record[best] = content(dice, extension)
        troubles = {
            "no_patient": not has_patient,
            "not_in_nexus": not arrived,
            "empty_container": not best,
            "marked_without_file": is_marked and not arrived,
            "known_by_recid_only": arrived,
        }
        recid = filemaker.add(IMAGES, record, *(name for name, is_so in troubles.items() if is_so))
        filemaker.change(IMAGES, {"recid": int(recid), "Name of file": f"{recid}{extension}"})
        owner = patient.key if has_patient else None
        self.scene.truth.filemaker_images[key] = {"patient": owner, "recid": recid, "nexus_id": None}
        return key, recid, extension
