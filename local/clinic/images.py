"""Image batches and their images: imported in bulk from FileMaker, by the older import, or taken in Nexus."""

from __future__ import annotations

from datetime import date, timedelta

from . import names
from .bodies import size_bytes
from .dice import us_date, zoned
from .files import Evidence, FileRows
from .ledger import Row
from .sizes import Sizes
from .source import Patient

EXTENSIONS = (".jpg",) * 18 + (".png",)
OLDEST_DAYS = 2_500
FIRST_RECORD_NUMBER = 20_000
KEEPS_ID_SHARE = 0.06  # rightly linked batches of the older import, which kept FileMaker's id of each image


class Images(FileRows):
    """Makes the rows of `images_batch` and `images_image`."""

    subject = "images"

    def add(self, sizes: Sizes) -> list[Row]:
        """Add all batches with their images and return FileMaker's records of the images."""
        special = {
            "wrong_link": sizes.batches_wrong_link,
            "dangling": sizes.batches_dangling,
            "uploaded": sizes.batches_uploaded,
        }
        kinds = self.dice.kinds(special, sizes.batches, "linked")
        counts = [1] * len(kinds)
        for _ in range(sizes.images - len(kinds)):
            counts[self.dice.number(0, len(kinds) - 1)] += 1
        for kind, count in zip(kinds, counts, strict=True):
            self._add_batch(kind, count)
        return self.records

    def _add_batch(self, kind: str, count: int) -> None:
        patient = self.owner(kind)
        opened, today = self.ledger.opened.date(), self.ledger.today
        day = self.dice.day(opened - timedelta(days=OLDEST_DAYS), today - timedelta(days=2))
        batch = self.batch_row(self.evidence(patient, kind), kind, day, count)
        self.ledger.truth.batches[str(batch["id"])] = patient.key
        self.ledger.truth.batch_kinds[str(batch["id"])] = kind
        if kind == "uploaded":
            self.ledger.add_nexus_made("images_batch", batch, patient)
            self.add_uploaded(batch, count, day)
        else:
            self.ledger.add("images_batch", batch)
            keeps_id = kind == "linked" and self.dice.chance(KEEPS_ID_SHARE)
            for order in range(count):
                self._add_imported(batch, patient, order, day, keeps_id=keeps_id)

    def batch_row(self, evidence: Evidence, kind: str, day: date, count: int) -> Row:
        """Return the row of a batch of `count` images, as an import or an upload makes it."""
        uploaded = kind == "uploaded"
        at = self.ledger.nexus_moment(self.dice) if uploaded else self.ledger.opened
        return {
            "id": self.dice.uuid(),
            "content_type_id": self.configuration.content_types["patient"],
            "object_id": evidence.linked_id,
            "name": f"{day:%d %b %Y}" if uploaded else f"{day:%d %b %Y} (FileMaker Import)",
            "description": "",
            "uploaded_by_id": self.dice.pick(self.configuration.users) if uploaded else None,
            "uploaded_at": zoned(at),
            "image_count": count,
            "metadata": evidence.metadata,
        }

    def _add_imported(self, batch: Row, patient: Patient, order: int, day: date, *, keeps_id: bool) -> None:
        filemaker_id = self.dice.filemaker_id()
        recid = FIRST_RECORD_NUMBER + 3 * len(self.records) + self.dice.number(0, 2)
        image_type, extension = self.dice.pick(names.IMAGE_TYPES), self.dice.pick(EXTENSIONS)
        key = f"filemaker-import/images-bulk-dump/{recid}{extension}"
        if keeps_id:
            folder = f"patients/filemaker-import/images/{batch['object_id']}/{day.isoformat()}"
            key = f"{folder}/{filemaker_id}{extension}"
        image = self.image_row(key, batch, order, day) | {
            "original_name": f"{recid}{extension}",
            "caption": f"{image_type} (record {recid})",
            "filemaker_id": filemaker_id.lower() if keeps_id else None,
        }
        self.ledger.add("images_image", image)
        record: Row = {
            "id": filemaker_id,
            "patient_id": patient.key,
            "recid": recid,
            "date": us_date(day),
            "Type": image_type,
            "NexusExportDate": self.exported(),
            "fileName": f"{recid}{extension}",
        }
        self.records.append(record)

    def add_uploaded(self, batch: Row, count: int, day: date) -> None:
        """Add images that staff took in Nexus, each with its thumbnail."""
        folder = f"images/{batch['object_id']}/{batch['id']}"
        for order in range(count):
            stem = f"{folder}/{self.dice.uuid()}"
            thumbnail = f"{stem}_thumb.jpg"
            image = self.image_row(f"{stem}.jpg", batch, order, day) | {
                "s3_thumbnail_key": thumbnail,
                "thumbnail_size": size_bytes(thumbnail),
                "uploaded_by_id": batch["uploaded_by_id"],
            }
            self.store(thumbnail, "thumbnail", self.ledger.add("images_image", image))

    def image_row(self, key: str, batch: Row, order: int, day: date) -> Row:
        """Return a row for the image under `key`, which storage gets, with the application's blanks."""
        image_id = self.dice.uuid()
        self.store(key, "image", image_id)
        return {
            "id": image_id,
            "batch_id": batch["id"],
            "s3_key": key,
            "s3_thumbnail_key": "",
            "original_name": key.rpartition("/")[2],
            "file_size": size_bytes(key),
            "thumbnail_size": None,
            "mime_type": "image/jpeg",  # the application's default, which stays also where the file is a PNG
            "width": None,
            "height": None,
            "category": "other",
            "caption": "",
            "date_taken": day,
            "uploaded_by_id": None,
            "uploaded_at": batch["uploaded_at"],
            "filemaker_id": None,
            "order": order,
        }
