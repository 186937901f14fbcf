"""What is wrong with appointments once they are imported."""

from __future__ import annotations

import uuid

from tests.sql.clinic import Clinic
from tests.sql.defects import Broken, Defects, Moment

DEFECTS = Defects()
PHASE = "phase_4"


@DEFECTS.breaks("phase_4/no_duplicate_appointments", Moment.SOURCE)
def two_records_with_one_id(clinic: Clinic) -> Broken:
    first, second = clinic.duplicate("API_Appointments")
    return {
        "phase_4/no_duplicate_appointments": [("appointment", first), ("appointment", second)],
        "phase_4/appointment_count_matches": [("appointment", second)],
    }


@DEFECTS.breaks("phase_4/appointment_count_matches", Moment.SOURCE)
def appointment_without_id(clinic: Clinic) -> Broken:
    _, fields = clinic.pick_record("API_Appointments")
    record = clinic.installation.simulator.control.insert_record("API_Appointments", fields | {"id": ""})
    return {"phase_4/appointment_count_matches": [("appointment", record)]}


@DEFECTS.breaks("phase_4/appointments_have_patient", Moment.SOURCE)
def appointment_of_a_patient_whom_filemaker_does_not_have(clinic: Clinic) -> Broken:
    record = clinic.edit("API_Appointments", {"patient_id": str(uuid.uuid4()).upper()})
    return {"phase_4/appointments_have_patient": [("appointment", record)]}


@DEFECTS.breaks("phase_4/adoption_is_unambiguous", Moment.LIVE)
def two_rows_for_one_record(clinic: Clinic) -> Broken:
    record, row = _pick_adoptable(clinic)
    clinic.clone_row("public.appointments", row)
    return {"phase_4/adoption_is_unambiguous": [("appointment", record), ("appointment", record)]}


@DEFECTS.breaks("phase_4/adoption_is_unambiguous", Moment.SOURCE)
def two_records_for_one_row(clinic: Clinic) -> Broken:
    record, _ = _pick_adoptable(clinic)
    fields = clinic.records("API_Appointments")[record] | {"id": str(uuid.uuid4()).upper()}
    twin = clinic.installation.simulator.control.insert_record("API_Appointments", fields)
    return {"phase_4/adoption_is_unambiguous": [("appointment", record), ("appointment", twin)]}


@DEFECTS.breaks("phase_4/appointments_have_clinic", Moment.COPY)
def appointment_imported_without_clinic(clinic: Clinic) -> Broken:
    return {"phase_4/appointments_have_clinic": [("appointment", _imported_without(clinic, "clinic_id"))]}


@DEFECTS.breaks("phase_4/appointments_have_clinician", Moment.COPY)
def appointment_imported_without_clinician(clinic: Clinic) -> Broken:
    return {"phase_4/appointments_have_clinician": [("appointment", _imported_without(clinic, "clinician_id"))]}


@DEFECTS.breaks("phase_4/appointments_have_type", Moment.COPY)
def appointment_imported_without_type(clinic: Clinic) -> Broken:
    return {"phase_4/appointments_have_type": [("appointment", _imported_without(clinic, "appointment_type_id"))]}


@DEFECTS.breaks("phase_4/appointments_have_end", Moment.COPY)
def appointment_imported_without_end(clinic: Clinic) -> Broken:
    return {"phase_4/appointments_have_end": [("appointment", _imported_without(clinic, "end_time"))]}


def _pick_adoptable(clinic: Clinic) -> tuple[str, str]:
    """Return (record id, row id) of an appointment that the import will adopt."""
    truth = clinic.installation.truth
    record, fields = clinic.pick_record(
        "API_Appointments", lambda fields: fields["id"] in truth["adoptable_appointments"]
    )
    return record, truth["appointments"][fields["id"]]


def _imported_without(clinic: Clinic, column: str) -> str:
    record, row = clinic.row_of("nexus_work.appointments", "API_Appointments")
    clinic.change_copy(f"UPDATE nexus_work.appointments SET {column} = NULL WHERE id = %s", row)
    return record
