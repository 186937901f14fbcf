-- purpose: insert the letters: mapped columns from FileMaker, the others as they were or the default.
-- parameters: columns, values (composed from include/mapping/letter.yaml). Result: letters inserted.
WITH first_record_of_each_id AS (
    SELECT DISTINCT ON (filemaker_id) *
    FROM nexus_staging.letter
    WHERE filemaker_id IS NOT NULL
    ORDER BY filemaker_id, record_id
)
INSERT INTO nexus_work.letters_patientletter ({columns})
SELECT {values}
FROM first_record_of_each_id AS staged
JOIN nexus_work.identity AS identity ON identity.entity = 'letter' AND identity.filemaker_id = staged.filemaker_id
JOIN nexus_work.identity AS patient_id_reference
    ON patient_id_reference.entity = 'patient'
    AND patient_id_reference.filemaker_id = staged.patient_id_filemaker_id
LEFT JOIN nexus_work.before_letters_patientletter AS former ON former.id = identity.nexus_id
LEFT JOIN nexus_import.published_row AS published
    ON published.table_name = 'letters_patientletter' AND published.row_id = identity.nexus_id;
