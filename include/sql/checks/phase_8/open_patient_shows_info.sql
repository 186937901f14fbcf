-- title: Open a random patient: see correct info
-- entity: patient
-- severity: stop
-- todo: Clear phase_3_patients.import_patients with downstream
SELECT staged.record_id, staged.filemaker_id_text AS filemaker_id, patient.id AS nexus_id,
       {field:patient.first_name,last_name,dob} AS field, 'differs from FileMaker' AS detail
FROM nexus_staging.patient AS staged
JOIN nexus_work.identity AS identity
    ON identity.entity = 'patient' AND identity.filemaker_id = staged.filemaker_id
JOIN nexus_work.patients AS patient ON patient.id = identity.nexus_id
LEFT JOIN nexus_work.before_patients AS former ON former.id = patient.id
WHERE (patient.first_name, patient.last_name, patient.dob)
        IS DISTINCT FROM (staged.first_name, staged.last_name, staged.dob)
  AND (patient.first_name, patient.last_name, patient.dob)
        IS DISTINCT FROM (former.first_name, former.last_name, former.dob);
