-- purpose: find, among the documents and image batches of patients who would go, those that their metadata or
--          FileMaker's own records give to a patient it has: their former link keeps nobody, because phases 6 and 7 have
--          better evidence.
-- parameters: metadata_patient (the batch's FileMaker id of its patient: not every Nexus has the column).
-- Result: files found. May run again.
DELETE FROM nexus_work.placed_file;

INSERT INTO nexus_work.placed_file (table_name, row_id)
SELECT 'documents_document', document.id
FROM nexus_work.fate AS going
JOIN nexus_work.before_documents_document AS document ON document.object_id = going.row_id
WHERE going.table_name = 'patients'
  AND going.fate = 'removed'
  AND EXISTS (
      SELECT FROM nexus_staging.document AS record
      JOIN nexus_staging.patient AS patient ON patient.filemaker_id = record.patient_id_filemaker_id
      WHERE record.filemaker_id = lower(document.filemaker_id::text)
      UNION ALL
      SELECT FROM nexus_staging.patient AS patient
      WHERE patient.filemaker_id = lower(btrim(document.filemaker_metadata ->> 'filemaker_patient_id'))
  );

INSERT INTO nexus_work.placed_file (table_name, row_id)
SELECT 'images_batch', batch.id
FROM nexus_work.fate AS going
JOIN nexus_work.before_images_batch AS batch ON batch.object_id = going.row_id
JOIN nexus_staging.patient AS patient ON patient.filemaker_id = lower(btrim({metadata_patient}))
WHERE going.table_name = 'patients'
  AND going.fate = 'removed'
ON CONFLICT DO NOTHING;

INSERT INTO nexus_work.placed_file (table_name, row_id)
SELECT DISTINCT 'images_batch', batch.id
FROM nexus_work.fate AS going
JOIN nexus_work.before_images_batch AS batch ON batch.object_id = going.row_id
JOIN nexus_work.before_images_image AS image ON image.batch_id = batch.id
LEFT JOIN nexus_staging.image AS record_by_id ON record_by_id.filemaker_id = lower(image.filemaker_id::text)
LEFT JOIN nexus_staging.image AS record_by_number
    ON image.filemaker_id IS NULL
    AND record_by_number.record_number = substring(
        image.s3_key FROM '^filemaker-import/images-bulk-dump/([0-9]{{1,9}})[.]'
    )::integer
JOIN nexus_staging.patient AS patient
    ON patient.filemaker_id = COALESCE(record_by_id.patient_id_filemaker_id, record_by_number.patient_id_filemaker_id)
WHERE going.table_name = 'patients'
  AND going.fate = 'removed'
ON CONFLICT DO NOTHING;
