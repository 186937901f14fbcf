"""What is wrong with patients once they are imported."""

from __future__ import annotations

from tests.sql.clinic import Clinic
from tests.sql.defects import Broken, Defects, Moment

DEFECTS = Defects()
PHASE = "phase_3"


@DEFECTS.breaks("phase_3/no_duplicate_patients", Moment.SOURCE)
def two_records_with_one_id(clinic: Clinic) -> Broken:
    first, second = clinic.duplicate("API_Contacts")
    return {
        "phase_3/no_duplicate_patients": [("patient", first), ("patient", second)],
        "phase_3/patient_count_matches": [("patient", second)],
    }


@DEFECTS.breaks("phase_3/patients_have_filemaker_id", Moment.SOURCE)
def record_without_id(clinic: Clinic) -> Broken:
    _, fields = clinic.pick_record("API_Contacts")
    record = clinic.installation.simulator.control.insert_record("API_Contacts", fields | {"id": ""})
    return {
        "phase_3/patients_have_filemaker_id": [("patient", record)],
        "phase_3/patient_count_matches": [("patient", record)],
    }


@DEFECTS.breaks("phase_3/former_ids_are_unique", Moment.LIVE)
def two_nexus_patients_with_one_filemaker_id(clinic: Clinic) -> Broken:
    _, one = clinic.row_of("public.patients", "API_Contacts")
    _, other = clinic.row_of("public.patients", "API_Contacts")
    clinic.change_live(
        "UPDATE patients SET filemaker_metadata = (SELECT jsonb_build_object('filemaker_id',"
        " lower(filemaker_metadata ->> 'filemaker_id')) FROM patients WHERE id = %s) WHERE id = %s",
        one,
        other,
    )
    return {"phase_3/former_ids_are_unique": [("patient", one), ("patient", other)]}


@DEFECTS.breaks("phase_3/patients_have_clinic", Moment.COPY)
def patient_imported_without_clinic(clinic: Clinic) -> Broken:
    record, patient = clinic.row_of("nexus_work.patients", "API_Contacts")
    clinic.change_copy("UPDATE nexus_work.patients SET clinic_id = NULL WHERE id = %s", patient)
    return {"phase_3/patients_have_clinic": [("patient", record)]}


@DEFECTS.breaks("phase_3/patients_have_filemaker_id", Moment.COPY)
def patient_imported_without_metadata(clinic: Clinic) -> Broken:
    record, patient = clinic.row_of("nexus_work.patients", "API_Contacts")
    clinic.change_copy("UPDATE nexus_work.patients SET filemaker_metadata = NULL WHERE id = %s", patient)
    return {"phase_3/patients_have_filemaker_id": [("patient", record)]}


@DEFECTS.breaks("phase_3/patient_count_matches", Moment.COPY)
def patient_lost_by_the_import(clinic: Clinic) -> Broken:
    record, patient = clinic.row_of("nexus_work.patients", "API_Contacts")
    clinic.change_copy("DELETE FROM nexus_work.patients WHERE id = %s", patient)
    lost = [("patient", record)]
    return {"phase_3/patient_count_matches": lost, "phase_3/patients_have_filemaker_id": lost}


@DEFECTS.breaks("phase_3/patient_count_matches", Moment.COPY)
def patient_whom_filemaker_does_not_have(clinic: Clinic) -> Broken:
    record, patient = clinic.row_of("nexus_work.patients", "API_Contacts")
    clinic.change_copy("DELETE FROM nexus_staging.patient WHERE record_id = %s", record)
    return {"phase_3/patient_count_matches": [("patient", patient)]}
