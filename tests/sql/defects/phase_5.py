"""What is wrong with notes, letters and reminders once they are imported."""

from __future__ import annotations

import uuid

from tests.sql.clinic import Clinic
from tests.sql.defects import Broken, Defects, Moment

DEFECTS = Defects()
PHASE = "phase_5"


@DEFECTS.breaks("phase_5/notes_have_patient", Moment.SOURCE)
def note_of_an_unknown_patient(clinic: Clinic) -> Broken:
    return _of_an_unknown_patient(clinic, "note")


@DEFECTS.breaks("phase_5/letters_have_patient", Moment.SOURCE)
def letter_of_an_unknown_patient(clinic: Clinic) -> Broken:
    return _of_an_unknown_patient(clinic, "letter")


@DEFECTS.breaks("phase_5/reminders_have_patient", Moment.SOURCE)
def reminder_without_patient(clinic: Clinic) -> Broken:
    return _of_an_unknown_patient(clinic, "reminder", patient_id="")


@DEFECTS.breaks("phase_5/note_count_matches", Moment.SOURCE)
def two_notes_with_one_id(clinic: Clinic) -> Broken:
    return _two_with_one_id(clinic, "note")


@DEFECTS.breaks("phase_5/letter_count_matches", Moment.SOURCE)
def two_letters_with_one_id(clinic: Clinic) -> Broken:
    return _two_with_one_id(clinic, "letter")


@DEFECTS.breaks("phase_5/reminder_count_matches", Moment.SOURCE)
def two_reminders_with_one_id(clinic: Clinic) -> Broken:
    return _two_with_one_id(clinic, "reminder")


@DEFECTS.breaks("phase_5/reminder_count_matches", Moment.COPY)
def reminder_lost_by_the_import(clinic: Clinic) -> Broken:
    reminder, record = clinic.installation.rows(
        "SELECT identity.nexus_id, staged.record_id FROM nexus_work.identity JOIN nexus_staging.reminder AS staged"
        " USING (filemaker_id) JOIN nexus_work.reminders ON reminders.id = identity.nexus_id"
        " WHERE entity = 'reminder' GROUP BY 1, 2 HAVING (SELECT count(*) FROM nexus_staging.reminder AS other"
        "  WHERE other.nexus_id = identity.nexus_id) = 1 ORDER BY 1 LIMIT 1"
    )[0]
    clinic.change_copy("DELETE FROM nexus_work.reminders WHERE id = %s", reminder)
    return {"phase_5/reminder_count_matches": [("reminder", record)]}


def _of_an_unknown_patient(clinic: Clinic, entity: str, patient_id: str | None = None) -> Broken:
    wrong = str(uuid.uuid4()).upper() if patient_id is None else patient_id
    record = clinic.edit(f"API_{entity.title()}s", {"patient_id": wrong})
    # A row without its patient is not inserted, so that the count differs too.
    return {
        f"phase_5/{entity}s_have_patient": [(entity, record)],
        f"phase_5/{entity}_count_matches": [(entity, record)],
    }


def _two_with_one_id(clinic: Clinic, entity: str) -> Broken:
    _, second = clinic.duplicate(f"API_{entity.title()}s")
    return {f"phase_5/{entity}_count_matches": [(entity, second)]}
