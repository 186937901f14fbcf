-- title: All letters belong to a patient that exists
-- entity: letter
-- severity: stop
-- field: {field:letter.patient_id}
-- todo: Correct {field:letter.patient_id} of these records of layout {layout:letter} in FileMaker
SELECT staged.record_id, staged.filemaker_id_text AS filemaker_id, NULL::uuid AS nexus_id,
       {field:letter.patient_id} AS field, NULL::text AS detail
FROM nexus_staging.letter AS staged
WHERE NOT EXISTS (
    SELECT FROM nexus_work.identity AS patient
    WHERE patient.entity = 'patient' AND patient.filemaker_id = staged.patient_id_filemaker_id
);
