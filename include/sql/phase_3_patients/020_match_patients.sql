-- purpose: give each FileMaker patient its Nexus id: the former one where the FileMaker id was known, else a
--          new one. Of two records with one id the first is taken; a check reports the other.
-- parameters: none. Result: patients matched. May run again.
INSERT INTO nexus_work.identity (entity, filemaker_id, nexus_id, matched_by)
SELECT DISTINCT ON (staged.filemaker_id)
    'patient',
    staged.filemaker_id,
    COALESCE(former.nexus_id, staged.nexus_id),
    CASE WHEN former.nexus_id IS NULL THEN 'new' ELSE 'filemaker_id' END
FROM nexus_staging.patient AS staged
LEFT JOIN nexus_work.former_patient AS former ON former.filemaker_id = staged.filemaker_id
WHERE staged.filemaker_id IS NOT NULL
ORDER BY staged.filemaker_id, former.nexus_id;
