-- title: All FileMaker specialties exist in Nexus
-- entity: referrer
-- needs: this.specialty_id
-- severity: warn
-- group: system_config
-- field: {field:this.specialty_id}
-- lookup: specialties
-- todo: Correct {field:this.specialty_id} in FileMaker, add the specialty in Nexus, or add an alias for specialties in include/mapping/referrer.yaml; until then referrers keep the one they have
SELECT staged.record_id, staged.filemaker_id_text AS filemaker_id, NULL::uuid AS nexus_id,
       {field:this.specialty_id} AS field, staged.specialty_id_name AS detail
FROM {staging} AS staged
WHERE staged.specialty_id_name IS NOT NULL AND staged.specialty_id IS NULL;
