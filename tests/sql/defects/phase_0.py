"""What is wrong in FileMaker before anything is imported."""

from __future__ import annotations

from tests.sql.clinic import Clinic
from tests.sql.defects import Broken, Defects, Moment

DEFECTS = Defects()
PHASE = "phase_0"


@DEFECTS.breaks("phase_0/values_are_readable", Moment.SOURCE)
def values_that_no_column_can_take(clinic: Clinic) -> Broken:
    patient, fields = clinic.pick_record("API_Contacts")
    too_long = " ".join([fields["nameLast"]] * 20)
    clinic.installation.simulator.control.edit_record("API_Contacts", patient, {"nameLast": too_long})
    image = clinic.edit("API_Images", {"recid": 12.5})
    appointment = clinic.edit("API_Appointments", {"endDate": ""}, lambda fields: fields["endTime"] != "")
    return {"phase_0/values_are_readable": [("patient", patient), ("image", image), ("appointment", appointment)]}


@DEFECTS.breaks("phase_0/required_fields", Moment.SOURCE)
def appointments_without_start(clinic: Clinic) -> Broken:
    empty = clinic.edit("API_Appointments", {"startDate": "", "startTime": "", "endDate": "", "endTime": ""})
    halved = clinic.edit("API_Appointments", {"startDate": ""}, lambda fields: fields["startTime"] != "")
    return {"phase_0/required_fields": [("appointment", empty), ("appointment", halved)]}


@DEFECTS.breaks("phase_0/patients_have_clinic_name", Moment.SOURCE)
def patient_without_clinic(clinic: Clinic) -> Broken:
    return {"phase_0/patients_have_clinic_name": [("patient", clinic.edit("API_Contacts", {"clinic_name": ""}))]}


@DEFECTS.breaks("phase_0/patients_have_funding_type", Moment.SOURCE)
def patient_with_blanks_for_funding(clinic: Clinic) -> Broken:
    return {"phase_0/patients_have_funding_type": [("patient", clinic.edit("API_Contacts", {"funding_type": "  "}))]}


@DEFECTS.breaks("phase_0/appointments_have_clinic_name", Moment.SOURCE)
def appointment_without_clinic(clinic: Clinic) -> Broken:
    appointment = clinic.edit("API_Appointments", {"clinic_name": ""})
    return {"phase_0/appointments_have_clinic_name": [("appointment", appointment)]}


@DEFECTS.breaks("phase_0/appointments_have_clinician_name", Moment.SOURCE)
def appointments_without_clinician(clinic: Clinic) -> Broken:
    appointments = [clinic.edit("API_Appointments", {"clinician_name": ""}) for _ in range(7)]
    return {"phase_0/appointments_have_clinician_name": [("appointment", record) for record in appointments]}


@DEFECTS.breaks("phase_0/appointments_have_appointment_type", Moment.SOURCE)
def appointment_without_type(clinic: Clinic) -> Broken:
    appointment = clinic.edit("API_Appointments", {"appointment_type": ""})
    return {"phase_0/appointments_have_appointment_type": [("appointment", appointment)]}


@DEFECTS.breaks("phase_0/appointments_have_patient_id", Moment.SOURCE)
def appointment_without_patient_id(clinic: Clinic) -> Broken:
    appointment = clinic.edit("API_Appointments", {"patient_id": ""})
    return {"phase_0/appointments_have_patient_id": [("appointment", appointment)]}


@DEFECTS.breaks("phase_0/documents_have_export_date", Moment.SOURCE)
def document_never_exported(clinic: Clinic) -> Broken:
    return {"phase_0/documents_have_export_date": [("document", clinic.edit("API_Docs", {"NexusExportDate": ""}))]}


@DEFECTS.breaks("phase_0/images_have_export_date", Moment.SOURCE)
def images_never_exported(clinic: Clinic) -> Broken:
    images = [clinic.edit("API_Images", {"NexusExportDate": ""}) for _ in range(2)]
    return {"phase_0/images_have_export_date": [("image", record) for record in images]}


@DEFECTS.breaks("phase_0/clinic_names_exist", Moment.SOURCE)
def misspelt_clinic(clinic: Clinic) -> Broken:
    patient = clinic.edit("API_Contacts", {"clinic_name": "Newcasle"})
    appointment = clinic.edit("API_Appointments", {"clinic_name": "Newcasle"})
    reminder = clinic.edit("API_Reminders", {"clinic_name": "Newcasle"})
    return {"phase_0/clinic_names_exist": [("patient", patient), ("appointment", appointment), ("reminder", reminder)]}


@DEFECTS.breaks("phase_0/clinician_names_exist", Moment.SOURCE)
def clinician_who_never_worked_here(clinic: Clinic) -> Broken:
    appointment = clinic.edit("API_Appointments", {"clinician_name": "Xq Zzyzx"})
    return {"phase_0/clinician_names_exist": [("appointment", appointment)]}


@DEFECTS.breaks("phase_0/funding_types_exist", Moment.SOURCE)
def unknown_funding(clinic: Clinic) -> Broken:
    return {"phase_0/funding_types_exist": [("patient", clinic.edit("API_Contacts", {"funding_type": "Lottery"}))]}


@DEFECTS.breaks("phase_0/appointment_types_exist", Moment.SOURCE)
def unknown_appointment_type(clinic: Clinic) -> Broken:
    appointment = clinic.edit("API_Appointments", {"appointment_type": "Moon landing"})
    return {"phase_0/appointment_types_exist": [("appointment", appointment)]}
