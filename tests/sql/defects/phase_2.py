"""What the deletion may leave behind, or take with it."""

from __future__ import annotations

from tests.sql.clinic import Clinic
from tests.sql.defects import Broken, Defects, Moment

DEFECTS = Defects()
PHASE = "phase_2"


@DEFECTS.breaks("phase_2/filemaker_born_patients_deleted", Moment.COPY)
def patient_left_over(clinic: Clinic) -> Broken:
    patient = clinic.pick_row("nexus_work.before_patients", "filemaker_metadata ->> 'filemaker_id' <> ''")
    clinic.change_copy(
        "INSERT INTO nexus_work.patients SELECT * FROM nexus_work.before_patients WHERE id = %s", patient
    )
    return {"phase_2/filemaker_born_patients_deleted": [("patient", patient)]}


@DEFECTS.breaks("phase_2/filemaker_born_appointments_deleted", Moment.COPY)
def appointment_left_over(clinic: Clinic) -> Broken:
    appointment = clinic.pick_row("nexus_work.before_appointments", "filemaker_event_id IS NOT NULL")
    clinic.change_copy(
        "INSERT INTO nexus_work.appointments SELECT * FROM nexus_work.before_appointments WHERE id = %s", appointment
    )
    return {"phase_2/filemaker_born_appointments_deleted": [("appointment", appointment)]}


@DEFECTS.breaks("phase_2/documents_unchanged", Moment.COPY)
def documents_gone_and_added(clinic: Clinic) -> Broken:
    gone = clinic.pick_row("nexus_work.documents_document")
    added = clinic.clone_row("nexus_work.documents_document", clinic.pick_row("nexus_work.documents_document"))
    clinic.change_copy("DELETE FROM nexus_work.documents_document WHERE id = %s", gone)
    return {"phase_2/documents_unchanged": [("document", gone), ("document", added)]}


@DEFECTS.breaks("phase_2/images_unchanged", Moment.COPY)
def images_gone_and_added(clinic: Clinic) -> Broken:
    gone = clinic.pick_row("nexus_work.images_image")
    added = clinic.clone_row("nexus_work.images_image", clinic.pick_row("nexus_work.images_image"))
    clinic.change_copy("DELETE FROM nexus_work.images_image WHERE id = %s", gone)
    return {"phase_2/images_unchanged": [("image", gone), ("image", added)]}


@DEFECTS.breaks("phase_2/image_batches_unchanged", Moment.COPY)
def image_batches_gone_and_added(clinic: Clinic) -> Broken:
    gone = clinic.pick_row("nexus_work.images_batch")
    added = clinic.clone_row("nexus_work.images_batch", clinic.pick_row("nexus_work.images_batch"))
    clinic.change_copy("DELETE FROM nexus_work.images_batch WHERE id = %s", gone)
    return {"phase_2/image_batches_unchanged": [("image", gone), ("image", added)]}
