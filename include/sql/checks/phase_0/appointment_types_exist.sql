-- title: All FileMaker appointment types exist in Nexus
-- entity: appointment
-- severity: stop
-- group: system_config
-- field: {field:appointment.appointment_type_id}
-- lookup: appointment_types
-- todo: Correct {field:appointment.appointment_type_id} in FileMaker, or add an alias for appointment_types in include/mapping/appointment.yaml
SELECT staged.record_id, staged.filemaker_id_text AS filemaker_id, NULL::uuid AS nexus_id,
       {field:appointment.appointment_type_id} AS field, staged.appointment_type_id_name AS detail, 'appointment' AS entity
FROM nexus_staging.appointment AS staged
WHERE staged.appointment_type_id_name IS NOT NULL AND staged.appointment_type_id IS NULL;
