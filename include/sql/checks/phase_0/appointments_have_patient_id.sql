-- title: All appointments have {field:appointment.patient_id}
-- entity: appointment
-- needs: appointment.patient_id
-- severity: stop
-- group: completeness
-- field: {field:appointment.patient_id}
-- todo: Fill {field:appointment.patient_id} of these records of layout {layout:appointment} in FileMaker
SELECT staged.record_id, staged.filemaker_id_text AS filemaker_id, NULL::uuid AS nexus_id,
       {field:appointment.patient_id} AS field, NULL::text AS detail
FROM nexus_staging.appointment AS staged
WHERE staged.patient_id_filemaker_id IS NULL AND staged.scope IS NULL;
