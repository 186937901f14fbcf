-- purpose: undo an earlier try of this phase in the working copy, so that clearing it is safe.
-- parameters: none. Result: identities forgotten. May run again.
DELETE FROM nexus_work.notes AS note
USING nexus_work.identity AS identity
WHERE identity.entity = 'note' AND identity.nexus_id = note.id;

DELETE FROM nexus_work.letters_patientletter AS letter
USING nexus_work.identity AS identity
WHERE identity.entity = 'letter' AND identity.nexus_id = letter.id;

DELETE FROM nexus_work.reminders AS reminder
USING nexus_work.identity AS identity
WHERE identity.entity = 'reminder' AND identity.nexus_id = reminder.id;

-- Notes that were adopted stand again as Nexus has them, to be matched anew.
INSERT INTO nexus_work.notes
SELECT note.*
FROM nexus_work.before_notes AS note
JOIN nexus_work.identity AS identity ON identity.entity = 'note' AND identity.nexus_id = note.id
WHERE identity.matched_by = 'patient_and_text';

DELETE FROM nexus_work.identity WHERE entity IN ('note', 'letter', 'reminder');
