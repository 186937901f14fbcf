-- title: All appointments have {field:appointment.appointment_type_id}
-- entity: appointment
-- needs: appointment.appointment_type_id
-- severity: stop
-- group: completeness
-- field: {field:appointment.appointment_type_id}
-- todo: Fill {field:appointment.appointment_type_id} of these records of layout {layout:appointment} in FileMaker
SELECT staged.record_id, staged.filemaker_id_text AS filemaker_id, NULL::uuid AS nexus_id,
       {field:appointment.appointment_type_id} AS field, NULL::text AS detail
FROM nexus_staging.appointment AS staged
WHERE staged.appointment_type_id_name IS NULL AND staged.scope IS NULL;
