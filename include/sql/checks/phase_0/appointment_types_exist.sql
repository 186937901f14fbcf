-- title: All FileMaker appointment types exist in Nexus
-- entity: appointment
-- severity: stop
-- group: system_config
-- field: appointment_type
-- lookup: appointment_types
-- todo: Correct appointment_type in FileMaker, or add an alias for appointment_types in include/mapping/appointment.yaml
SELECT staged.record_id, staged.filemaker_id_text AS filemaker_id, NULL::uuid AS nexus_id,
       'appointment_type' AS field, staged.appointment_type_id_name AS detail, 'appointment' AS entity
FROM nexus_staging.appointment AS staged
WHERE staged.appointment_type_id_name IS NOT NULL AND staged.appointment_type_id IS NULL;
