"""What is wrong at the end: the checks of the phases before, borrowed, and those that only stand here."""

from __future__ import annotations

import uuid

from tests.sql.clinic import Clinic
from tests.sql.defects import Broken, Defects, Moment
from tests.sql.defects.phase_6 import IMPORTED
from tests.sql.defects.phase_7 import LINKED, images_of

DEFECTS = Defects()
PHASE = "phase_8"
ACCOUNTED = "phase_8/every_record_is_accounted_for"
UPLOADED_DOCUMENT = "s3_key LIKE 'documents/%%'"
UPLOADED_IMAGE = "s3_key LIKE 'images/%%'"
BULK_IMAGE = "s3_key LIKE 'filemaker-import/%%'"
KNOWN = "EXISTS (SELECT FROM nexus_work.before_patients AS former WHERE former.id = t.id)"
NEW = "NOT EXISTS (SELECT FROM nexus_work.before_appointments AS former WHERE former.id = t.id)"


@DEFECTS.breaks("phase_8/patient_count_matches", Moment.COPY)
def patient_whom_filemaker_does_not_have(clinic: Clinic) -> Broken:
    record, patient = _patient(clinic)
    clinic.change_copy("DELETE FROM nexus_staging.patient WHERE record_id = %s", record)
    # What was read and is staged no longer has no record that could be named.
    return {"phase_8/patient_count_matches": [("patient", patient)], ACCOUNTED: [("patient", "patient")]}


@DEFECTS.breaks("phase_8/appointment_count_matches", Moment.COPY)
def appointment_lost(clinic: Clinic) -> Broken:
    # One that is new, so that nothing in Nexus refers to it yet.
    record, appointment = clinic.row_of("nexus_work.appointments", "API_Appointments", NEW)
    clinic.change_copy("DELETE FROM nexus_work.appointments WHERE id = %s", appointment)
    named = [("appointment", record)]
    return {"phase_8/appointment_count_matches": named, ACCOUNTED: named}


@DEFECTS.breaks(ACCOUNTED, Moment.COPY)
def note_and_letter_of_which_no_row_is_left(clinic: Clinic) -> Broken:
    named = []
    for entity, table in (("note", "notes"), ("letter", "letters_patientletter")):
        record, row = clinic.installation.rows(
            f"SELECT staged.record_id, row.id FROM nexus_staging.{entity} AS staged"
            f" JOIN nexus_work.identity ON entity = '{entity}' AND identity.filemaker_id = staged.filemaker_id"
            f" JOIN nexus_work.{table} AS row ON row.id = identity.nexus_id ORDER BY row.id LIMIT 1"
        )[0]
        clinic.change_copy(f"DELETE FROM nexus_work.{table} WHERE id = %s", row)
        named.append((entity, record))
    return {ACCOUNTED: named}


@DEFECTS.breaks(ACCOUNTED, Moment.COPY)
def two_records_that_became_one_row(clinic: Clinic) -> Broken:
    (one, _), (other, record) = clinic.installation.rows(
        "SELECT staged.filemaker_id, staged.record_id FROM nexus_staging.reminder AS staged JOIN nexus_work.identity"
        " ON entity = 'reminder' AND identity.filemaker_id = staged.filemaker_id"
        " JOIN nexus_work.reminders ON reminders.id = identity.nexus_id ORDER BY staged.record_id LIMIT 2"
    )
    clinic.change_copy(
        "UPDATE nexus_work.identity SET nexus_id = (SELECT nexus_id FROM nexus_work.identity"
        " WHERE entity = 'reminder' AND filemaker_id = %s) WHERE entity = 'reminder' AND filemaker_id = %s",
        one,
        other,
    )
    return {ACCOUNTED: [("reminder", record)]}


@DEFECTS.breaks("phase_8/document_count_unchanged", Moment.COPY)
def document_lost(clinic: Clinic) -> Broken:
    document = clinic.pick_row("nexus_work.documents_document", UPLOADED_DOCUMENT)
    clinic.change_copy("DELETE FROM nexus_work.documents_document WHERE id = %s", document)
    return {"phase_8/document_count_unchanged": [("document", document)]}


@DEFECTS.breaks("phase_8/image_count_unchanged", Moment.COPY)
def image_lost(clinic: Clinic) -> Broken:
    image = clinic.pick_row("nexus_work.images_image", UPLOADED_IMAGE)
    clinic.change_copy("DELETE FROM nexus_work.images_image WHERE id = %s", image)
    return {"phase_8/image_count_unchanged": [("image", image)]}


@DEFECTS.breaks("phase_8/patients_have_clinic", Moment.COPY)
def patient_without_clinic(clinic: Clinic) -> Broken:
    named = [("patient", _changed_patient(clinic, "clinic_id = NULL"))]
    return {"phase_8/patients_have_clinic": named, "phase_8/filter_by_clinic_works": named}


@DEFECTS.breaks("phase_8/filter_by_clinic_works", Moment.COPY)
def patient_in_another_clinic(clinic: Clinic) -> Broken:
    patient = _changed_patient(clinic, "clinic_id = (SELECT id FROM public.clinics WHERE id <> clinic_id LIMIT 1)")
    return {"phase_8/filter_by_clinic_works": [("patient", patient)]}


@DEFECTS.breaks("phase_8/filter_by_funding_works", Moment.COPY)
def patient_without_funding(clinic: Clinic) -> Broken:
    return {"phase_8/filter_by_funding_works": [("patient", _changed_patient(clinic, "funding_type_id = NULL"))]}


@DEFECTS.breaks("phase_8/patients_have_filemaker_id", Moment.COPY)
def patient_without_metadata(clinic: Clinic) -> Broken:
    patient = _changed_patient(clinic, "filemaker_metadata = '{}'")
    return {"phase_8/patients_have_filemaker_id": [("patient", patient)]}


@DEFECTS.breaks("phase_8/open_patient_shows_info", Moment.COPY)
def patient_with_another_birthday(clinic: Clinic) -> Broken:
    patient = _changed_patient(clinic, "dob = dob + 1")
    return {"phase_8/open_patient_shows_info": [("patient", patient)]}


@DEFECTS.breaks("phase_8/search_finds_patient", Moment.COPY)
def patient_with_another_name(clinic: Clinic) -> Broken:
    named = [("patient", _changed_patient(clinic, "last_name = 'Qqq'"))]
    return {"phase_8/search_finds_patient": named, "phase_8/open_patient_shows_info": named}


@DEFECTS.breaks("phase_8/search_finds_patient", Moment.COPY)
def patient_without_number(clinic: Clinic) -> Broken:
    record, patient = clinic.row_of("nexus_work.patients", "API_Contacts", f"{KNOWN} AND health_number <> ''")
    clinic.change_copy("UPDATE nexus_work.patients SET health_number = NULL WHERE id = %s", patient)
    return {"phase_8/search_finds_patient": [("patient", record)]}


@DEFECTS.breaks("phase_8/search_finds_patient", Moment.COPY)
def patient_with_another_first_name(clinic: Clinic) -> Broken:
    named = [("patient", _changed_patient(clinic, "first_name = 'Qqq'"))]
    return {"phase_8/search_finds_patient": named, "phase_8/open_patient_shows_info": named}


@DEFECTS.breaks("phase_8/search_finds_patient", Moment.COPY)
def patient_hidden_as_archived(clinic: Clinic) -> Broken:
    record, patient = clinic.row_of(
        "nexus_work.patients",
        "API_Contacts",
        f"{KNOWN} AND NOT archived AND health_number IS NULL AND mrn IS NULL"
        " AND clinic_id IS NOT NULL AND funding_type_id IS NOT NULL",
    )
    clinic.change_copy("UPDATE nexus_work.patients SET archived = true WHERE id = %s", patient)
    named = [("patient", record)]
    return {f"phase_8/{name}": named for name in ("search_finds_patient", "filter_by_clinic_works")} | {
        "phase_8/filter_by_funding_works": named
    }


@DEFECTS.breaks("phase_8/appointments_have_patient", Moment.COPY)
def appointment_without_patient(clinic: Clinic) -> Broken:
    return {
        "phase_8/appointments_have_patient": [("appointment", _changed_appointment(clinic, "patient_id = NULL")[0])]
    }


@DEFECTS.breaks("phase_8/appointments_have_clinic", Moment.COPY)
def appointment_without_clinic(clinic: Clinic) -> Broken:
    return {"phase_8/appointments_have_clinic": [("appointment", _changed_appointment(clinic, "clinic_id = NULL")[0])]}


@DEFECTS.breaks("phase_8/appointments_have_clinician", Moment.COPY)
def appointment_without_clinician(clinic: Clinic) -> Broken:
    record, _ = _changed_appointment(clinic, "clinician_id = NULL")
    return {"phase_8/appointments_have_clinician": [("appointment", record)]}


@DEFECTS.breaks("phase_8/appointments_have_type", Moment.COPY)
def appointment_without_type(clinic: Clinic) -> Broken:
    record, _ = _changed_appointment(clinic, "appointment_type_id = NULL")
    return {"phase_8/appointments_have_type": [("appointment", record)]}


@DEFECTS.breaks("phase_8/calendar_shows_appointments", Moment.COPY)
def appointments_that_the_calendar_cannot_show(clinic: Clinic) -> Broken:
    _, without_end = _changed_appointment(clinic, "end_time = NULL")
    _, backwards = _changed_appointment(clinic, "end_time = start_time - interval '1 minute'")
    return {"phase_8/calendar_shows_appointments": [("appointment", without_end), ("appointment", backwards)]}


@DEFECTS.breaks("phase_8/documents_have_patient", Moment.COPY)
def document_without_patient(clinic: Clinic) -> Broken:
    document = clinic.pick_row("nexus_work.documents_document", UPLOADED_DOCUMENT)
    clinic.change_copy("UPDATE nexus_work.documents_document SET object_id = NULL WHERE id = %s", document)
    return {"phase_8/documents_have_patient": [("document", document)]}


@DEFECTS.breaks("phase_8/batches_have_patient", Moment.COPY)
def batch_of_a_patient_who_is_gone(clinic: Clinic) -> Broken:
    batch = clinic.pick_row("nexus_work.images_batch", "name NOT LIKE '%%FileMaker%%'")
    clinic.change_copy("UPDATE nexus_work.images_batch SET object_id = %s WHERE id = %s", uuid.uuid4(), batch)
    return {"phase_8/batches_have_patient": [("image", batch)]}


@DEFECTS.breaks("phase_8/documents_have_filemaker_id", Moment.COPY)
def imported_document_that_nothing_identifies(clinic: Clinic) -> Broken:
    document = clinic.pick_row("nexus_work.documents_document", f"filemaker_id IS NOT NULL AND {IMPORTED}")
    clinic.change_copy("UPDATE nexus_work.documents_document SET filemaker_id = NULL WHERE id = %s", document)
    return {"phase_8/documents_have_filemaker_id": [("document", document)]}


@DEFECTS.breaks("phase_8/images_have_filemaker_id", Moment.COPY)
def imported_image_that_nothing_identifies(clinic: Clinic) -> Broken:
    image = clinic.pick_row("nexus_work.images_image", UPLOADED_IMAGE)
    # Under a key of the older import; the bucket has no such object, which a check of the files also says.
    clinic.change_copy(
        "UPDATE nexus_work.images_image SET s3_key = 'patients/filemaker-import/' || s3_key WHERE id = %s", image
    )
    named = [("image", image)]
    return {
        "phase_8/images_have_filemaker_id": named,
        "phase_8/files_exist": named,
        "phase_8/images_display": named,
    }


@DEFECTS.breaks("phase_8/open_patient_shows_documents", Moment.COPY)
def document_linked_to_something_else_than_a_patient(clinic: Clinic) -> Broken:
    record, document = clinic.row_of("nexus_work.documents_document", "API_Docs", IMPORTED)
    clinic.change_copy(
        "UPDATE nexus_work.documents_document SET content_type_id ="
        " (SELECT id FROM public.django_content_type WHERE model = 'coordinator') WHERE id = %s",
        document,
    )
    return {"phase_8/open_patient_shows_documents": [("document", record)]}


@DEFECTS.breaks("phase_8/open_patient_shows_documents", Moment.COPY)
def document_hidden_as_inactive(clinic: Clinic) -> Broken:
    record, document = clinic.row_of("nexus_work.documents_document", "API_Docs", f"{IMPORTED} AND is_active")
    clinic.change_copy("UPDATE nexus_work.documents_document SET is_active = false WHERE id = %s", document)
    return {"phase_8/open_patient_shows_documents": [("document", record)]}


@DEFECTS.breaks("phase_8/open_patient_shows_images", Moment.COPY)
def batch_linked_to_something_else_than_a_patient(clinic: Clinic) -> Broken:
    batch = clinic.pick_row("nexus_work.images_batch", LINKED)
    clinic.change_copy(
        "UPDATE nexus_work.images_batch SET content_type_id ="
        " (SELECT id FROM public.django_content_type WHERE model = 'coordinator') WHERE id = %s",
        batch,
    )
    images = images_of(clinic, "nexus_work", batch)
    return {"phase_8/open_patient_shows_images": [("image", record) for record in images]}


@DEFECTS.breaks("phase_8/foreign_keys_hold", Moment.COPY)
def encounter_of_a_clinician_who_is_gone(clinic: Clinic) -> Broken:
    encounter = clinic.pick_row("nexus_work.encounters")
    clinic.change_copy("UPDATE nexus_work.encounters SET clinician_id = %s WHERE id = %s", uuid.uuid4(), encounter)
    return {"phase_8/foreign_keys_hold": [("encounters", encounter)]}


@DEFECTS.breaks("phase_8/foreign_keys_hold", Moment.COPY)
def note_of_a_patient_who_is_gone(clinic: Clinic) -> Broken:
    note = clinic.pick_row("nexus_work.notes")
    clinic.change_copy("UPDATE nexus_work.notes SET patient_id = %s WHERE id = %s", uuid.uuid4(), note)
    return {"phase_8/foreign_keys_hold": [("notes", note)]}


@DEFECTS.breaks("phase_8/files_exist", Moment.COPY)
def files_gone_from_storage(clinic: Clinic) -> Broken:
    document, document_key = _file(clinic, "documents_document", IMPORTED)
    image, image_key = _file(clinic, "images_image", BULK_IMAGE)
    clinic.replace_object(document_key, None)
    clinic.replace_object(image_key, None)
    # What is not there can be neither downloaded nor displayed.
    return {
        "phase_8/files_exist": [("document", document), ("image", image)],
        "phase_8/documents_download": [("document", document)],
        "phase_8/images_display": [("image", image)],
    }


@DEFECTS.breaks("phase_8/files_exist", Moment.COPY)
def thumbnail_gone_from_storage(clinic: Clinic) -> Broken:
    image, _ = _file(clinic, "images_image", "s3_thumbnail_key <> ''")
    key = clinic.installation.value("SELECT s3_thumbnail_key FROM nexus_work.images_image WHERE id = %s", image)
    clinic.replace_object(key, None)
    return {"phase_8/files_exist": [("image", image)]}


@DEFECTS.breaks("phase_8/documents_download", Moment.COPY)
def empty_document(clinic: Clinic) -> Broken:
    document, key = _file(clinic, "documents_document", IMPORTED)
    clinic.replace_object(key, b"")
    return {"phase_8/documents_download": [("document", document)]}


@DEFECTS.breaks("phase_8/images_display", Moment.COPY)
def image_cut_off_in_the_middle(clinic: Clinic) -> Broken:
    image, key = _file(clinic, "images_image", BULK_IMAGE)
    body = clinic.body_of(key)
    clinic.replace_object(key, body[: len(body) // 2])
    return {"phase_8/images_display": [("image", image)]}


def _patient(clinic: Clinic) -> tuple[str, str]:
    return clinic.row_of("nexus_work.patients", "API_Contacts", KNOWN)


def _changed_patient(clinic: Clinic, change: str) -> str:
    record, patient = _patient(clinic)
    clinic.change_copy(f"UPDATE nexus_work.patients SET {change} WHERE id = %s", patient)
    return record


def _changed_appointment(clinic: Clinic, change: str) -> tuple[str, str]:
    record, appointment = clinic.row_of("nexus_work.appointments", "API_Appointments")
    clinic.change_copy(f"UPDATE nexus_work.appointments SET {change} WHERE id = %s", appointment)
    return record, appointment


def _file(clinic: Clinic, table: str, where: str) -> tuple[str, str]:
    row = clinic.pick_row(f"nexus_work.{table}", where)
    return row, str(clinic.installation.value(f"SELECT s3_key FROM nexus_work.{table} WHERE id = %s", row))
