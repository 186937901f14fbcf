-- purpose: delete, in the working copy, the rows of one entity that came from FileMaker. Called for what refers to
--          others first, for patients last.
-- parameters: work, known (query of the rows known to be FileMaker's). Result: rows deleted. May run again.
DELETE FROM {work} AS present
USING ({known}) AS known
WHERE known.nexus_id = present.id;
