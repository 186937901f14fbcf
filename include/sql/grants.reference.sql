-- Purpose: what the configuration `reference` needs beyond grants.sql: it imports companies, referrers, coordinators and where these
--          work too.
-- Run by: as grants.sql, after it, where include/policy.reference.yaml is used. May run again.
-- Parameters: none.

GRANT INSERT, UPDATE, DELETE ON
    public.companies,
    public.referrers,
    public.referrer_companies,
    public.coordinators
TO nexus_import;
