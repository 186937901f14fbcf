-- title: All patients have a clinic assigned
-- entity: patient
-- needs: patient.clinic_id
-- severity: stop
-- field: {field:patient.clinic_id}
-- todo: Correct {field:patient.clinic_id} of these records of layout {layout:patient} in FileMaker
SELECT staged.record_id, staged.filemaker_id_text AS filemaker_id, present.id AS nexus_id,
       {field:patient.clinic_id} AS field, NULL::text AS detail
FROM nexus_work.patients AS present
JOIN nexus_work.identity AS identity ON identity.entity = 'patient' AND identity.nexus_id = present.id
JOIN nexus_staging.patient AS staged ON staged.filemaker_id = identity.filemaker_id
WHERE present.clinic_id IS NULL;
