"""What is wrong with documents once they are linked again."""

from __future__ import annotations

import uuid

from tests.sql.clinic import Clinic
from tests.sql.defects import Broken, Defects, Moment

DEFECTS = Defects()
PHASE = "phase_6"
UPLOADED = "filemaker_id IS NULL AND filemaker_metadata IS NULL"
IMPORTED = "object_id IS NOT NULL AND filemaker_metadata IS NULL AND object_id IN (SELECT id FROM patients)"


@DEFECTS.breaks("phase_6/documents_have_patient", Moment.LIVE)
def document_without_any_link(clinic: Clinic) -> Broken:
    document = clinic.pick_row("public.documents_document", UPLOADED)
    clinic.change_live("UPDATE documents_document SET content_type_id = NULL, object_id = NULL WHERE id = %s", document)
    return {"phase_6/documents_have_patient": [("document", document)]}


@DEFECTS.breaks("phase_6/documents_have_patient", Moment.LIVE)
def document_of_a_patient_who_is_gone(clinic: Clinic) -> Broken:
    document = clinic.pick_row("public.documents_document", UPLOADED)
    clinic.change_live("UPDATE documents_document SET object_id = %s WHERE id = %s", uuid.uuid4(), document)
    return {"phase_6/documents_have_patient": [("document", document)]}


@DEFECTS.breaks("phase_6/documents_match_filemaker", Moment.LIVE)
def document_whose_metadata_name_another_patient(clinic: Clinic) -> Broken:
    record, document = clinic.row_of("public.documents_document", "API_Docs", IMPORTED)
    owner = clinic.records("API_Docs")[record]["patient_id"]
    _, other = clinic.pick_record("API_Contacts", lambda fields: fields["id"] != owner)
    clinic.change_live(
        "UPDATE documents_document SET filemaker_metadata = jsonb_build_object('filemaker_patient_id', %s::text)"
        " WHERE id = %s",
        other["id"],
        document,
    )
    wrong = [("document", record)]
    return {"phase_6/documents_match_filemaker": wrong, "phase_6/open_patient_shows_documents": wrong}


@DEFECTS.breaks("phase_6/document_count_unchanged", Moment.COPY)
def documents_gone_and_added(clinic: Clinic) -> Broken:
    gone = clinic.pick_row("nexus_work.documents_document", IMPORTED)
    added = clinic.clone_row(
        "nexus_work.documents_document",
        clinic.pick_row("nexus_work.documents_document", IMPORTED),
        filemaker_id=None,
    )
    clinic.change_copy("DELETE FROM nexus_work.documents_document WHERE id = %s", gone)
    return {"phase_6/document_count_unchanged": [("document", gone), ("document", added)]}


@DEFECTS.breaks("phase_6/open_patient_shows_documents", Moment.COPY)
def document_linked_to_something_else_than_a_patient(clinic: Clinic) -> Broken:
    record, document = clinic.row_of("nexus_work.documents_document", "API_Docs", IMPORTED)
    clinic.change_copy(
        "UPDATE nexus_work.documents_document SET content_type_id ="
        " (SELECT id FROM public.django_content_type WHERE model = 'referrer') WHERE id = %s",
        document,
    )
    return {"phase_6/open_patient_shows_documents": [("document", record)]}
