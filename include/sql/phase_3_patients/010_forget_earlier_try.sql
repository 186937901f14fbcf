-- purpose: undo an earlier try of this phase in the working copy, so that clearing it is safe.
-- parameters: none. Result: patients taken out. May run again.
DELETE FROM nexus_work.patients AS patient
USING nexus_work.identity AS identity
WHERE identity.entity = 'patient' AND identity.nexus_id = patient.id;

DELETE FROM nexus_work.identity WHERE entity = 'patient';
