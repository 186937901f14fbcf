-- Organisations and people around a patient, entered in Nexus.
-- Run by the role that owns the schema, in the order of the file names, once, on an empty database.

CREATE TABLE specialties (
    id uuid CONSTRAINT specialties_pkey PRIMARY KEY,
    name varchar(100) NOT NULL CONSTRAINT specialties_name_key UNIQUE,
    created_at timestamptz NOT NULL
);

CREATE TABLE companies (
    id uuid CONSTRAINT companies_pkey PRIMARY KEY,
    name varchar(200) NOT NULL,
    abn varchar(20),
    contact_json jsonb,
    address_json jsonb,
    company_type varchar(50) NOT NULL,
    filemaker_id uuid CONSTRAINT companies_filemaker_id_key UNIQUE,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX companies_name_idx
    ON companies (name);
CREATE INDEX companies_company_type_idx
    ON companies (company_type);

CREATE TABLE referrers (
    id uuid CONSTRAINT referrers_pkey PRIMARY KEY,
    title varchar(10),
    first_name varchar(100) NOT NULL,
    last_name varchar(100) NOT NULL,
    specialty_id uuid CONSTRAINT referrers_specialty_id_fk
        REFERENCES specialties (id) DEFERRABLE INITIALLY DEFERRED,
    contact_json jsonb,
    address_json jsonb,
    practice_name varchar(200),
    company_id uuid CONSTRAINT referrers_company_id_fk
        REFERENCES companies (id) DEFERRABLE INITIALLY DEFERRED,
    notes text,
    filemaker_id uuid CONSTRAINT referrers_filemaker_id_key UNIQUE,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX referrers_last_name_first_name_idx
    ON referrers (last_name, first_name);
CREATE INDEX referrers_specialty_id_idx
    ON referrers (specialty_id);
CREATE INDEX referrers_company_id_idx
    ON referrers (company_id);

CREATE TABLE referrer_companies (
    id uuid CONSTRAINT referrer_companies_pkey PRIMARY KEY,
    referrer_id uuid NOT NULL CONSTRAINT referrer_companies_referrer_id_fk
        REFERENCES referrers (id) DEFERRABLE INITIALLY DEFERRED,
    company_id uuid NOT NULL CONSTRAINT referrer_companies_company_id_fk
        REFERENCES companies (id) DEFERRABLE INITIALLY DEFERRED,
    position varchar(100),
    is_primary boolean NOT NULL,
    filemaker_id uuid CONSTRAINT referrer_companies_filemaker_id_key UNIQUE,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT referrer_companies_referrer_id_company_id_key UNIQUE (referrer_id, company_id)
);
CREATE INDEX referrer_companies_referrer_id_is_primary_idx
    ON referrer_companies (referrer_id, is_primary);
CREATE INDEX referrer_companies_company_id_idx
    ON referrer_companies (company_id);
CREATE INDEX referrer_companies_referrer_id_idx
    ON referrer_companies (referrer_id);

CREATE TABLE coordinators (
    id uuid CONSTRAINT coordinators_pkey PRIMARY KEY,
    first_name varchar(100) NOT NULL,
    last_name varchar(100) NOT NULL,
    organization varchar(200),
    coordinator_type varchar(50) NOT NULL,
    contact_json jsonb,
    address_json jsonb,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX coordinators_last_name_first_name_idx
    ON coordinators (last_name, first_name);
CREATE INDEX coordinators_organization_idx
    ON coordinators (organization);

CREATE TABLE general_contacts (
    id uuid CONSTRAINT general_contacts_pkey PRIMARY KEY,
    first_name varchar(100) NOT NULL,
    last_name varchar(100) NOT NULL,
    contact_type varchar(50) NOT NULL,
    contact_json jsonb,
    address_json jsonb,
    notes text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX general_contacts_last_name_first_name_idx
    ON general_contacts (last_name, first_name);
CREATE INDEX general_contacts_contact_type_idx
    ON general_contacts (contact_type);

CREATE TABLE contact_relationships (
    id uuid CONSTRAINT contact_relationships_pkey PRIMARY KEY,
    from_content_type_id integer NOT NULL CONSTRAINT contact_relationships_from_content_type_id_fk
        REFERENCES django_content_type (id) DEFERRABLE INITIALLY DEFERRED,
    from_object_id uuid NOT NULL,
    to_content_type_id integer NOT NULL CONSTRAINT contact_relationships_to_content_type_id_fk
        REFERENCES django_content_type (id) DEFERRABLE INITIALLY DEFERRED,
    to_object_id uuid NOT NULL,
    relationship_type varchar(50) NOT NULL,
    notes text,
    is_active boolean NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX contact_relationships_from_type_from_id_is_active_idx
    ON contact_relationships (from_content_type_id, from_object_id, is_active);
CREATE INDEX contact_relationships_to_type_to_id_is_active_idx
    ON contact_relationships (to_content_type_id, to_object_id, is_active);
CREATE INDEX contact_relationships_relationship_type_idx
    ON contact_relationships (relationship_type);
CREATE INDEX contact_relationships_from_content_type_id_idx
    ON contact_relationships (from_content_type_id);
CREATE INDEX contact_relationships_to_content_type_id_idx
    ON contact_relationships (to_content_type_id);
