-- purpose: gather phones, mobiles and e-mail addresses of each owner into the JSON that the application reads: lists
--          (phones, emails), the first address (email), and by label (phone, mobile), which its messages read.
-- parameters: owners (staging table), column, details (staging table), default (JSON of an owner without any), kept
--             (kept_columns of such an owner).
-- Result: owners filled. May run again.
WITH detail AS (
    SELECT
        owner_id_filemaker_id AS owner_id,
        kind,
        value,
        COALESCE(label, '') AS label,
        row_number() OVER (
            PARTITION BY owner_id_filemaker_id, kind
            ORDER BY COALESCE(is_default, 0) DESC, length(record_id), record_id
        ) AS nth
    FROM {details}
    WHERE value IS NOT NULL AND kind IN ('phone', 'mobile', 'email')
),
-- one entry a label: of two with the same label the first stays under it, the lists hold both
labelled AS (
    SELECT DISTINCT ON (owner_id, kind, label_or_kind) owner_id, kind, label_or_kind, value, nth
    FROM (SELECT *, COALESCE(NULLIF(label, ''), kind) AS label_or_kind FROM detail) AS named
    ORDER BY owner_id, kind, label_or_kind, nth
),
by_label AS (
    SELECT owner_id, jsonb_object_agg(kind, entries) AS entries
    FROM (
        SELECT
            owner_id,
            kind,
            jsonb_object_agg(label_or_kind, jsonb_build_object('value', value, 'default', nth = 1) ORDER BY nth) AS entries
        FROM labelled
        WHERE kind <> 'email'
        GROUP BY owner_id, kind
    ) AS of_kind
    GROUP BY owner_id
),
gathered AS (
    SELECT
        owner_id,
        jsonb_build_object(
            'phones', COALESCE(
                jsonb_agg(jsonb_build_object('type', kind, 'number', value, 'label', label) ORDER BY kind, nth)
                    FILTER (WHERE kind <> 'email'),
                '[]'::jsonb
            ),
            'emails', COALESCE(
                jsonb_agg(jsonb_build_object('address', value, 'label', label) ORDER BY nth)
                    FILTER (WHERE kind = 'email'),
                '[]'::jsonb
            )
        ) || COALESCE(
            jsonb_build_object('email', min(value) FILTER (WHERE kind = 'email' AND nth = 1)),
            '{{}}'::jsonb
        ) AS lists
    FROM detail
    GROUP BY owner_id
)
UPDATE {owners} AS owner
SET {column} = COALESCE(jsonb_strip_nulls(gathered.lists) || COALESCE(by_label.entries, '{{}}'::jsonb), {default}),
    kept_columns = CASE WHEN gathered.owner_id IS NULL THEN {kept} ELSE owner.kept_columns END
FROM {owners} AS same
LEFT JOIN gathered ON gathered.owner_id = same.filemaker_id
LEFT JOIN by_label ON by_label.owner_id = same.filemaker_id
WHERE owner.record_id = same.record_id;
