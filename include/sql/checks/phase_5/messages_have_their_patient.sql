-- title: The patient that a message names exists
-- entity: message
-- needs: this.patient_id
-- severity: warn
-- field: {field:this.patient_id}
-- todo: Correct {field:this.patient_id} of these records of layout {layout:this} in FileMaker; until then they belong to nobody
SELECT staged.record_id, staged.filemaker_id_text AS filemaker_id, NULL::uuid AS nexus_id,
       {field:this.patient_id} AS field, 'no such patient' AS detail
FROM {staging} AS staged
WHERE staged.patient_id_filemaker_id IS NOT NULL
  AND NOT EXISTS (
    SELECT FROM nexus_work.identity AS patient
    WHERE patient.entity = 'patient' AND patient.filemaker_id = staged.patient_id_filemaker_id
);
