-- title: Filter patients by clinic: works
-- entity: patient
-- severity: stop
-- field: {field:patient.clinic_id}
-- probe: the application lists the patients of one clinic, the archived ones only when it is asked for them
-- todo: Clear phase_3_patients.import_patients with downstream
SELECT staged.record_id, staged.filemaker_id_text AS filemaker_id, identity.nexus_id,
       {field:patient.clinic_id} AS field, 'not listed under its clinic' AS detail
FROM nexus_staging.patient AS staged
JOIN nexus_work.identity AS identity
    ON identity.entity = 'patient' AND identity.filemaker_id = staged.filemaker_id
LEFT JOIN nexus_work.before_patients AS former ON former.id = identity.nexus_id
WHERE staged.clinic_id IS NOT NULL
  AND NOT EXISTS (
      SELECT FROM {nexus}.patients AS listed
      WHERE listed.id = identity.nexus_id
        AND listed.clinic_id IN (staged.clinic_id, former.clinic_id)
        -- whom staff or FileMaker archived is looked for among the archived
        AND (NOT listed.archived OR former.archived OR to_jsonb(staged) ->> 'archived' = 'true')
  );
