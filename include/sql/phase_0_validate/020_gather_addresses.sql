-- purpose: gather the addresses of each owner into the JSON that the application reads: all of them in a list, and the
--          first one flat beside it.
-- parameters: owners (staging table), column, details (staging table), default (JSON of an owner without any), kept
--             (kept_columns of such an owner).
-- Result: owners filled. May run again.
WITH detail AS (
    SELECT
        owner_id_filemaker_id AS owner_id,
        row_number() OVER (
            PARTITION BY owner_id_filemaker_id
            ORDER BY COALESCE(is_default, 0) DESC, length(record_id), record_id
        ) AS nth,
        jsonb_build_object(
            'line1', COALESCE(line1, ''),
            'line2', COALESCE(line2, ''),
            'suburb', COALESCE(suburb, ''),
            'state', COALESCE(state, ''),
            'postcode', COALESCE(postcode, ''),
            'country', COALESCE(country, ''),
            'label', COALESCE(label, ''),
            'full_address', concat_ws(
                ', ', line1, line2, NULLIF(concat_ws(' ', suburb, state, postcode), ''), country
            )
        ) AS address,
        jsonb_build_object(
            'street', COALESCE(line1, ''),
            'street2', COALESCE(line2, ''),
            'suburb', COALESCE(suburb, ''),
            'state', COALESCE(state, ''),
            'postcode', COALESCE(postcode, ''),
            'type', COALESCE(label, ''),
            'default', true
        ) AS flat
    FROM {details}
    WHERE kind = 'address' AND concat(line1, line2, suburb, state, postcode) <> ''
),
gathered AS (
    SELECT
        owner_id,
        jsonb_build_object('addresses', jsonb_agg(address ORDER BY nth))
            || (array_agg(flat ORDER BY nth))[1] AS addresses
    FROM detail
    GROUP BY owner_id
)
UPDATE {owners} AS owner
SET {column} = COALESCE(gathered.addresses, {default}),
    kept_columns = CASE WHEN gathered.owner_id IS NULL THEN {kept} ELSE owner.kept_columns END
FROM {owners} AS same
LEFT JOIN gathered ON gathered.owner_id = same.filemaker_id
WHERE owner.record_id = same.record_id;
