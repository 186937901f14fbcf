-- title: All FileMaker clinician names exist in Nexus
-- entity: appointment
-- severity: stop
-- group: system_config
-- field: {field:appointment.clinician_id}
-- lookup: clinicians
-- todo: Correct {field:appointment.clinician_id} in FileMaker, or add an alias for clinicians in include/mapping/appointment.yaml
SELECT staged.record_id, staged.filemaker_id_text AS filemaker_id, NULL::uuid AS nexus_id,
       {field:appointment.clinician_id} AS field, staged.clinician_id_name AS detail, 'appointment' AS entity
FROM nexus_staging.appointment AS staged
WHERE staged.clinician_id_name IS NOT NULL AND staged.clinician_id IS NULL;
