-- title: Filter patients by funding: works
-- entity: patient
-- severity: stop
-- field: {field:patient.funding_type_id}
-- probe: the application lists the patients of one funding type, the archived ones only when it is asked for them
-- todo: Clear phase_3_patients.import_patients with downstream
SELECT staged.record_id, staged.filemaker_id_text AS filemaker_id, identity.nexus_id,
       {field:patient.funding_type_id} AS field, 'not listed under its funding type' AS detail
FROM nexus_staging.patient AS staged
JOIN nexus_work.identity AS identity
    ON identity.entity = 'patient' AND identity.filemaker_id = staged.filemaker_id
LEFT JOIN nexus_work.before_patients AS former ON former.id = identity.nexus_id
WHERE staged.funding_type_id IS NOT NULL
  AND NOT EXISTS (
      SELECT FROM {nexus}.patients AS listed
      WHERE listed.id = identity.nexus_id
        AND listed.funding_type_id IN (staged.funding_type_id, former.funding_type_id)
        -- whom staff or FileMaker archived is looked for among the archived
        AND (NOT listed.archived OR former.archived OR to_jsonb(staged) ->> 'archived' = 'true')
  );
