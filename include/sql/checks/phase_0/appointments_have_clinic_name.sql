-- title: All appointments have {field:appointment.clinic_id}
-- entity: appointment
-- needs: appointment.clinic_id
-- severity: stop
-- group: completeness
-- field: {field:appointment.clinic_id}
-- todo: Fill {field:appointment.clinic_id} of these records of layout {layout:appointment} in FileMaker
SELECT staged.record_id, staged.filemaker_id_text AS filemaker_id, NULL::uuid AS nexus_id,
       {field:appointment.clinic_id} AS field, NULL::text AS detail
FROM nexus_staging.appointment AS staged
WHERE staged.clinic_id_name IS NULL AND staged.scope IS NULL;
