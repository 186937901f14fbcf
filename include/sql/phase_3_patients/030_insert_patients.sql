-- purpose: insert the patients: mapped columns from FileMaker, the others as they were or the application's default.
-- parameters: columns, values (composed from include/mapping/patient.yaml). Result: patients inserted.
WITH first_record_of_each_id AS (
    SELECT DISTINCT ON (filemaker_id) *
    FROM nexus_staging.patient
    WHERE filemaker_id IS NOT NULL
    ORDER BY filemaker_id, record_id
)
INSERT INTO nexus_work.patients ({columns})
SELECT {values}
FROM first_record_of_each_id AS staged
JOIN nexus_work.identity AS identity ON identity.entity = 'patient' AND identity.filemaker_id = staged.filemaker_id
LEFT JOIN nexus_work.before_patients AS former ON former.id = identity.nexus_id
LEFT JOIN nexus_import.published_row AS published
    ON published.table_name = 'patients' AND published.row_id = identity.nexus_id;
