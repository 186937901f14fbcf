-- title: All patients have {field:patient.clinic_id}
-- entity: patient
-- needs: patient.clinic_id
-- severity: stop
-- group: completeness
-- field: {field:patient.clinic_id}
-- todo: Fill {field:patient.clinic_id} of these records of layout {layout:patient} in FileMaker
SELECT staged.record_id, staged.filemaker_id_text AS filemaker_id, NULL::uuid AS nexus_id,
       {field:patient.clinic_id} AS field, NULL::text AS detail
FROM nexus_staging.patient AS staged
WHERE staged.clinic_id_name IS NULL;
