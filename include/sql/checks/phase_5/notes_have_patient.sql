-- title: All notes belong to a patient that exists
-- entity: note
-- needs: this.patient_id
-- severity: stop
-- field: {field:this.patient_id}
-- todo: Correct {field:this.patient_id} of these records of layout {layout:this} in FileMaker
SELECT staged.record_id, staged.filemaker_id_text AS filemaker_id, NULL::uuid AS nexus_id,
       {field:this.patient_id} AS field, NULL::text AS detail
FROM {staging} AS staged
WHERE NOT EXISTS (
    SELECT FROM nexus_work.identity AS patient
    WHERE patient.entity = 'patient' AND patient.filemaker_id = staged.patient_id_filemaker_id
);
