-- purpose: delete, in the working copy, the rows that came from FileMaker: children first, patients last.
-- parameters: none. Result: patients deleted. May run again.
DELETE FROM nexus_work.reminders AS reminder
USING nexus_import.identity AS known
WHERE known.entity = 'reminder' AND known.nexus_id = reminder.id;

DELETE FROM nexus_work.letters_patientletter AS letter
USING nexus_import.identity AS known
WHERE known.entity = 'letter' AND known.nexus_id = letter.id;

DELETE FROM nexus_work.notes AS note
USING nexus_import.identity AS known
WHERE known.entity = 'note' AND known.nexus_id = note.id;

DELETE FROM nexus_work.appointments AS appointment
WHERE appointment.filemaker_event_id IS NOT NULL;

DELETE FROM nexus_work.patients AS patient
USING nexus_work.former_patient AS former
WHERE former.nexus_id = patient.id;
