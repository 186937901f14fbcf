-- title: Image batch count is the same as before
-- entity: image
-- severity: stop
-- todo: Clear phase_2_delete.delete_patients with downstream
SELECT NULL::text AS record_id, NULL::text AS filemaker_id, COALESCE(former.id, present.id) AS nexus_id,
       NULL::text AS field, CASE WHEN present.id IS NULL THEN 'missing' ELSE 'additional' END AS detail
FROM nexus_work.before_images_batch AS former
FULL JOIN nexus_work.images_batch AS present ON present.id = former.id
WHERE present.id IS NULL OR former.id IS NULL;
