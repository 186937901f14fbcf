-- title: Open a random patient: see correct info
-- entity: patient
-- severity: stop
-- probe: the application shows the patient with this id; here each of them is opened
-- todo: Clear phase_3_patients.import_patients with downstream
SELECT staged.record_id, staged.filemaker_id_text AS filemaker_id, identity.nexus_id,
       info.field, CASE WHEN patient.id IS NULL THEN 'cannot be opened' ELSE 'differs from FileMaker' END AS detail
FROM nexus_staging.patient AS staged
JOIN nexus_work.identity AS identity
    ON identity.entity = 'patient' AND identity.filemaker_id = staged.filemaker_id
LEFT JOIN {nexus}.patients AS patient ON patient.id = identity.nexus_id
LEFT JOIN nexus_work.before_patients AS former ON former.id = identity.nexus_id
CROSS JOIN LATERAL (
    VALUES
        ({field:patient.first_name}, 'first_name', patient.first_name, staged.first_name, former.first_name),
        ({field:patient.last_name}, 'last_name', patient.last_name, staged.last_name, former.last_name),
        ({field:patient.dob}, 'dob', patient.dob::text, staged.dob::text, former.dob::text)
) AS info (field, column_name, shown, of_filemaker, of_nexus)
WHERE EXISTS (SELECT FROM nexus_work.patients AS imported WHERE imported.id = identity.nexus_id)
  AND (
      patient.id IS NULL
      -- each value is FileMaker's or the one that Nexus had: which of them wins is decided value by value
      OR (
          info.shown IS DISTINCT FROM info.of_filemaker
          AND (former.id IS NULL OR info.shown IS DISTINCT FROM info.of_nexus)
          AND info.column_name <> ALL (staged.kept_columns)
      )
  );
