-- Patients and what ties them to referrers and coordinators.
-- Run by the role that owns the schema, in the order of the file names, once, on an empty database.

CREATE TABLE patients (
    id uuid CONSTRAINT patients_pkey PRIMARY KEY,
    mrn varchar(50) CONSTRAINT patients_mrn_key UNIQUE,
    first_name varchar(100) NOT NULL,
    last_name varchar(100) NOT NULL,
    middle_names varchar(100),
    dob date,
    sex varchar(20),
    title varchar(10),
    health_number varchar(50),
    funding_source varchar(50),
    funding_type_id uuid CONSTRAINT patients_funding_type_id_fk
        REFERENCES funding_sources (id) DEFERRABLE INITIALLY DEFERRED,
    clinic_id uuid CONSTRAINT patients_clinic_id_fk
        REFERENCES clinics (id) DEFERRABLE INITIALLY DEFERRED,
    coordinator_name varchar(200),
    coordinator_date date,
    plan_start_date date,
    plan_end_date date,
    plan_dates_json jsonb,
    ndis_plan_start_date date,
    ndis_plan_end_date date,
    notes text,
    filemaker_metadata jsonb,
    archived boolean NOT NULL,
    archived_at timestamptz,
    archived_by varchar(100),
    contact_json jsonb,
    address_json jsonb,
    emergency_json jsonb,
    flags_json jsonb,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX patients_last_name_first_name_idx
    ON patients (last_name, first_name);
CREATE INDEX patients_created_at_idx
    ON patients (created_at);
CREATE INDEX patients_archived_idx
    ON patients (archived);
CREATE INDEX patients_funding_type_id_idx
    ON patients (funding_type_id);
CREATE INDEX patients_clinic_id_idx
    ON patients (clinic_id);

CREATE TABLE patient_referrers (
    id uuid CONSTRAINT patient_referrers_pkey PRIMARY KEY,
    patient_id uuid NOT NULL CONSTRAINT patient_referrers_patient_id_fk
        REFERENCES patients (id) DEFERRABLE INITIALLY DEFERRED,
    referrer_id uuid NOT NULL CONSTRAINT patient_referrers_referrer_id_fk
        REFERENCES referrers (id) DEFERRABLE INITIALLY DEFERRED,
    referral_date date,
    referral_reason text,
    status varchar(20) NOT NULL,
    is_primary boolean NOT NULL,
    filemaker_id uuid CONSTRAINT patient_referrers_filemaker_id_key UNIQUE,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT patient_referrers_patient_id_referrer_id_key UNIQUE (patient_id, referrer_id)
);
CREATE INDEX patient_referrers_patient_id_status_idx
    ON patient_referrers (patient_id, status);
CREATE INDEX patient_referrers_referrer_id_status_idx
    ON patient_referrers (referrer_id, status);
CREATE INDEX patient_referrers_patient_id_is_primary_idx
    ON patient_referrers (patient_id, is_primary);
CREATE INDEX patient_referrers_patient_id_idx
    ON patient_referrers (patient_id);
CREATE INDEX patient_referrers_referrer_id_idx
    ON patient_referrers (referrer_id);

CREATE TABLE patient_coordinators (
    id uuid CONSTRAINT patient_coordinators_pkey PRIMARY KEY,
    patient_id uuid NOT NULL CONSTRAINT patient_coordinators_patient_id_fk
        REFERENCES patients (id) DEFERRABLE INITIALLY DEFERRED,
    coordinator_id uuid NOT NULL CONSTRAINT patient_coordinators_coordinator_id_fk
        REFERENCES coordinators (id) DEFERRABLE INITIALLY DEFERRED,
    assignment_date date NOT NULL,
    end_date date,
    is_current boolean NOT NULL,
    ndis_plan_start date,
    ndis_plan_end date,
    ndis_notes text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX patient_coordinators_patient_id_is_current_idx
    ON patient_coordinators (patient_id, is_current);
CREATE INDEX patient_coordinators_coordinator_id_is_current_idx
    ON patient_coordinators (coordinator_id, is_current);
CREATE INDEX patient_coordinators_assignment_date_idx
    ON patient_coordinators (assignment_date);
CREATE INDEX patient_coordinators_patient_id_idx
    ON patient_coordinators (patient_id);
CREATE INDEX patient_coordinators_coordinator_id_idx
    ON patient_coordinators (coordinator_id);
