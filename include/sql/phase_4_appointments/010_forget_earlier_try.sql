-- purpose: undo an earlier try of this phase in the working copy, so that clearing it is safe.
-- parameters: none. Result: identities forgotten. May run again.
DELETE FROM nexus_work.appointments AS appointment
USING nexus_work.identity AS identity
WHERE identity.entity = 'appointment' AND identity.nexus_id = appointment.id;

-- Rows that were adopted had no FileMaker id: they stand again as Nexus has them, to be matched anew.
INSERT INTO nexus_work.appointments
SELECT appointment.*
FROM nexus_work.before_appointments AS appointment
JOIN nexus_work.identity AS identity ON identity.entity = 'appointment' AND identity.nexus_id = appointment.id
WHERE identity.matched_by = 'patient_and_start';

DELETE FROM nexus_work.identity WHERE entity = 'appointment';
