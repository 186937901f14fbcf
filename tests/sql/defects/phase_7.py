"""What is wrong with image batches and images once they are linked again."""

from __future__ import annotations

import uuid

from tests.sql.clinic import Clinic
from tests.sql.defects import Broken, Defects, Moment

DEFECTS = Defects()
PHASE = "phase_7"
LINKED = "metadata IS NULL AND name LIKE '%%FileMaker%%' AND object_id IN (SELECT id FROM patients)"
UPLOADED = "name NOT LIKE '%%FileMaker%%'"


@DEFECTS.breaks("phase_7/batches_have_patient", Moment.LIVE)
def empty_batch_of_a_patient_who_is_gone(clinic: Clinic) -> Broken:
    model = clinic.pick_row("public.images_batch", UPLOADED)
    batch = clinic.clone_row("public.images_batch", model, object_id=str(uuid.uuid4()), metadata=None)
    return {"phase_7/batches_have_patient": [("image", batch)]}


@DEFECTS.breaks("phase_7/images_match_filemaker", Moment.LIVE)
def batch_whose_metadata_name_another_patient(clinic: Clinic) -> Broken:
    batch = clinic.pick_row("public.images_batch", LINKED)
    images = images_of(clinic, "public", batch)
    owner = clinic.records("API_Images")[images[0]]["patient_id"]
    _, other = clinic.pick_record("API_Contacts", lambda fields: fields["id"] != owner)
    clinic.change_live(
        "UPDATE images_batch SET metadata = jsonb_build_object('filemaker_patient_id', %s::text) WHERE id = %s",
        other["id"],
        batch,
    )
    wrong = [("image", record) for record in images]
    return {"phase_7/images_match_filemaker": wrong, "phase_7/open_patient_shows_images": wrong}


@DEFECTS.breaks("phase_7/images_match_filemaker", Moment.LIVE)
def image_in_the_batch_of_another_patient(clinic: Clinic) -> Broken:
    right = clinic.pick_row("public.images_batch", LINKED)
    wrong = clinic.pick_row(
        "public.images_batch", f"{LINKED} AND object_id <> (SELECT object_id FROM images_batch WHERE id = %s)", right
    )
    record = images_of(clinic, "public", right)[0]
    filemaker_id = clinic.records("API_Images")[record]["id"].lower()
    # An image that knows its FileMaker id, as the older import kept it.
    clinic.change_live(
        "UPDATE images_image SET batch_id = %s, filemaker_id = %s WHERE s3_key LIKE %s",
        wrong,
        filemaker_id,
        f"%/{clinic.records('API_Images')[record]['recid']}.%",
    )
    named = [("image", record)]
    return {"phase_7/images_match_filemaker": named, "phase_7/open_patient_shows_images": named}


@DEFECTS.breaks("phase_7/batch_count_unchanged", Moment.COPY)
def batches_gone_and_added(clinic: Clinic) -> Broken:
    gone = clinic.pick_row("nexus_work.images_batch", UPLOADED)
    added = clinic.clone_row("nexus_work.images_batch", gone)
    clinic.change_copy("DELETE FROM nexus_work.images_batch WHERE id = %s", gone)
    return {"phase_7/batch_count_unchanged": [("image", gone), ("image", added)]}


@DEFECTS.breaks("phase_7/image_count_unchanged", Moment.COPY)
def images_gone_and_added(clinic: Clinic) -> Broken:
    gone = clinic.pick_row("nexus_work.images_image", "s3_key LIKE 'images/%%'")
    added = clinic.clone_row("nexus_work.images_image", gone)
    clinic.change_copy("DELETE FROM nexus_work.images_image WHERE id = %s", gone)
    return {"phase_7/image_count_unchanged": [("image", gone), ("image", added)]}


@DEFECTS.breaks("phase_7/open_patient_shows_images", Moment.COPY)
def batch_linked_to_something_else_than_a_patient(clinic: Clinic) -> Broken:
    batch = clinic.pick_row("nexus_work.images_batch", LINKED)
    clinic.change_copy(
        "UPDATE nexus_work.images_batch SET content_type_id ="
        " (SELECT id FROM public.django_content_type WHERE model = 'referrer') WHERE id = %s",
        batch,
    )
    images = images_of(clinic, "nexus_work", batch)
    return {"phase_7/open_patient_shows_images": [("image", record) for record in images]}


def images_of(clinic: Clinic, schema: str, batch: str) -> list[str]:
    """Return FileMaker's record ids of a batch's images, by the record number in the storage key."""
    by_number = {str(fields["recid"]): record for record, fields in clinic.records("API_Images").items()}
    numbers = clinic.installation.rows(
        f"SELECT substring(s3_key FROM '([0-9]+)[.][a-z]+$') FROM {schema}.images_image WHERE batch_id = %s ORDER BY 1",
        batch,
    )
    return [by_number[number] for (number,) in numbers]
