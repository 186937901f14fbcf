-- Purpose: give the import's roles what they need and no more; make the import's three schemas.
-- Run by: a superuser of the Nexus database (or the owner, with the right to grant pg_read_all_data), after
--         the login roles nexus_backup, nexus_import and nexus_restore exist. May run again.
-- Parameters: none.

GRANT pg_read_all_data TO nexus_backup, nexus_import, nexus_restore;
GRANT pg_write_all_data TO nexus_restore;
-- A restore into a database that lost its journal makes it anew, as the role that owns it.
GRANT nexus_import TO nexus_restore;
-- A restore loads the backup beside live Nexus first.
DO $$ BEGIN EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO nexus_restore', current_database()); END $$;

CREATE SCHEMA IF NOT EXISTS nexus_import AUTHORIZATION nexus_import;
CREATE SCHEMA IF NOT EXISTS nexus_staging AUTHORIZATION nexus_import;
CREATE SCHEMA IF NOT EXISTS nexus_work AUTHORIZATION nexus_import;

GRANT USAGE ON SCHEMA public TO nexus_backup, nexus_import, nexus_restore;

-- Only the tables that the mapping or the policy lets the import change.
GRANT INSERT, UPDATE, DELETE ON
    public.patients,
    public.appointments,
    public.notes,
    public.letters_patientletter,
    public.reminders,
    public.documents_document,
    public.images_batch,
    public.images_image,
    public.encounters,
    public.sms_messages,
    public.sms_inbound,
    public.patient_referrers,
    public.patient_coordinators,
    public.contact_relationships,
    public.xero_contact_links,
    public.xero_invoice_links,
    public.xero_quote_links
TO nexus_import;

-- Tables that the import only reads and whose rows hold ids of patients or appointments without a foreign key: the
-- untouched ones under plain_links in include/policy.yaml, and those with a content type. An id that is written there
-- while the publish removes its row would point at nothing. A role that may only read cannot lock a table, on any
-- version of PostgreSQL, so the tables' owner does it for the import: these tables, against writing, and no others.
CREATE OR REPLACE FUNCTION nexus_import.hold_still(table_name text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF table_name <> ALL (ARRAY['sent_emails', 'xero_sync_logs', 'django_admin_log'])
        OR to_regclass(format('public.%I', table_name)) IS NULL
    THEN
        RETURN false;
    END IF;
    EXECUTE format('LOCK TABLE public.%I IN SHARE MODE', table_name);
    RETURN true;
END $$;
REVOKE ALL ON FUNCTION nexus_import.hold_still(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION nexus_import.hold_still(text) TO nexus_import;
DO $$ BEGIN
    EXECUTE format(
        'ALTER FUNCTION nexus_import.hold_still(text) OWNER TO %I',
        (SELECT tableowner FROM pg_tables WHERE schemaname = 'public' AND tablename = 'patients')
    );
END $$;
