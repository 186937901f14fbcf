-- title: Search for a patient: found
-- entity: patient
-- severity: stop
-- todo: Clear phase_3_patients.import_patients with downstream
WITH searched AS (
    SELECT staged.record_id, staged.filemaker_id, staged.filemaker_id_text, staged.last_name
    FROM nexus_staging.patient AS staged
    WHERE staged.last_name <> ''
    ORDER BY random()
    LIMIT 100
)
SELECT searched.record_id, searched.filemaker_id_text AS filemaker_id, identity.nexus_id,
       {field:patient.last_name} AS field, 'not found by its name' AS detail
FROM searched
JOIN nexus_work.identity AS identity
    ON identity.entity = 'patient' AND identity.filemaker_id = searched.filemaker_id
WHERE NOT EXISTS (
    SELECT FROM nexus_work.patients AS found
    WHERE found.id = identity.nexus_id AND position(lower(searched.last_name) IN lower(found.last_name)) > 0
);
