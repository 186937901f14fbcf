-- Links between Nexus and Xero.
-- Run by the role that owns the schema, in the order of the file names, once, on an empty database.

CREATE TABLE xero_connections (
    id uuid CONSTRAINT xero_connections_pkey PRIMARY KEY,
    tenant_id varchar(255) NOT NULL CONSTRAINT xero_connections_tenant_id_key UNIQUE,
    tenant_name varchar(255) NOT NULL,
    access_token text NOT NULL,
    refresh_token text NOT NULL,
    token_expires_at timestamptz,
    is_active boolean NOT NULL,
    connected_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

CREATE TABLE xero_contact_links (
    id uuid CONSTRAINT xero_contact_links_pkey PRIMARY KEY,
    connection_id uuid CONSTRAINT xero_contact_links_connection_id_fk
        REFERENCES xero_connections (id) DEFERRABLE INITIALLY DEFERRED,
    patient_id uuid CONSTRAINT xero_contact_links_patient_id_fk
        REFERENCES patients (id) DEFERRABLE INITIALLY DEFERRED,
    company_id uuid CONSTRAINT xero_contact_links_company_id_fk
        REFERENCES companies (id) DEFERRABLE INITIALLY DEFERRED,
    xero_contact_id varchar(255) NOT NULL,
    xero_contact_number varchar(50) NOT NULL,
    xero_contact_name varchar(255) NOT NULL,
    is_active boolean NOT NULL,
    last_synced_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT contact_link_has_patient_or_company CHECK (patient_id IS NOT NULL OR company_id IS NOT NULL)
);
CREATE INDEX xero_contact_links_patient_id_idx
    ON xero_contact_links (patient_id);
CREATE INDEX xero_contact_links_company_id_idx
    ON xero_contact_links (company_id);
CREATE INDEX xero_contact_links_xero_contact_id_idx
    ON xero_contact_links (xero_contact_id);
CREATE INDEX xero_contact_links_connection_id_idx
    ON xero_contact_links (connection_id);
CREATE UNIQUE INDEX unique_patient_per_connection ON xero_contact_links (connection_id, patient_id)
    WHERE patient_id IS NOT NULL;
CREATE UNIQUE INDEX unique_company_per_connection ON xero_contact_links (connection_id, company_id)
    WHERE company_id IS NOT NULL;

CREATE TABLE xero_invoice_links (
    id uuid CONSTRAINT xero_invoice_links_pkey PRIMARY KEY,
    appointment_id uuid CONSTRAINT xero_invoice_links_appointment_id_fk
        REFERENCES appointments (id) DEFERRABLE INITIALLY DEFERRED,
    patient_id uuid CONSTRAINT xero_invoice_links_patient_id_fk
        REFERENCES patients (id) DEFERRABLE INITIALLY DEFERRED,
    company_id uuid CONSTRAINT xero_invoice_links_company_id_fk
        REFERENCES companies (id) DEFERRABLE INITIALLY DEFERRED,
    clinician_id uuid CONSTRAINT xero_invoice_links_clinician_id_fk
        REFERENCES clinicians (id) DEFERRABLE INITIALLY DEFERRED,
    xero_invoice_id varchar(255) NOT NULL CONSTRAINT xero_invoice_links_xero_invoice_id_key UNIQUE,
    xero_invoice_number varchar(50) NOT NULL,
    xero_invoice_type varchar(20) NOT NULL,
    status varchar(20) NOT NULL,
    total numeric(12, 2) NOT NULL,
    subtotal numeric(12, 2) NOT NULL,
    total_tax numeric(12, 2) NOT NULL,
    amount_due numeric(12, 2) NOT NULL,
    amount_paid numeric(12, 2) NOT NULL,
    currency varchar(3) NOT NULL,
    invoice_date date,
    due_date date,
    fully_paid_on_date date,
    last_synced_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX xero_invoice_links_status_idx
    ON xero_invoice_links (status);
CREATE INDEX xero_invoice_links_appointment_id_idx
    ON xero_invoice_links (appointment_id);
CREATE INDEX xero_invoice_links_patient_id_idx
    ON xero_invoice_links (patient_id);
CREATE INDEX xero_invoice_links_company_id_idx
    ON xero_invoice_links (company_id);
CREATE INDEX xero_invoice_links_clinician_id_idx
    ON xero_invoice_links (clinician_id);

CREATE TABLE xero_quote_links (
    id uuid CONSTRAINT xero_quote_links_pkey PRIMARY KEY,
    appointment_id uuid CONSTRAINT xero_quote_links_appointment_id_fk
        REFERENCES appointments (id) DEFERRABLE INITIALLY DEFERRED,
    patient_id uuid CONSTRAINT xero_quote_links_patient_id_fk
        REFERENCES patients (id) DEFERRABLE INITIALLY DEFERRED,
    company_id uuid CONSTRAINT xero_quote_links_company_id_fk
        REFERENCES companies (id) DEFERRABLE INITIALLY DEFERRED,
    xero_quote_id varchar(255) NOT NULL CONSTRAINT xero_quote_links_xero_quote_id_key UNIQUE,
    xero_quote_number varchar(50) NOT NULL,
    status varchar(20) NOT NULL,
    total numeric(12, 2) NOT NULL,
    subtotal numeric(12, 2) NOT NULL,
    total_tax numeric(12, 2) NOT NULL,
    currency varchar(3) NOT NULL,
    quote_date date,
    expiry_date date,
    converted_invoice_id uuid CONSTRAINT xero_quote_links_converted_invoice_id_fk
        REFERENCES xero_invoice_links (id) DEFERRABLE INITIALLY DEFERRED,
    converted_at timestamptz,
    last_synced_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX xero_quote_links_status_idx
    ON xero_quote_links (status);
CREATE INDEX xero_quote_links_appointment_id_idx
    ON xero_quote_links (appointment_id);
CREATE INDEX xero_quote_links_patient_id_idx
    ON xero_quote_links (patient_id);
CREATE INDEX xero_quote_links_company_id_idx
    ON xero_quote_links (company_id);
CREATE INDEX xero_quote_links_created_at_idx
    ON xero_quote_links (created_at DESC);
CREATE INDEX xero_quote_links_converted_invoice_id_idx
    ON xero_quote_links (converted_invoice_id);

CREATE TABLE xero_tracking_categories (
    id uuid CONSTRAINT xero_tracking_categories_pkey PRIMARY KEY,
    clinic_id uuid NOT NULL CONSTRAINT xero_tracking_categories_clinic_id_key UNIQUE CONSTRAINT xero_tracking_categories_clinic_id_fk
        REFERENCES clinics (id) DEFERRABLE INITIALLY DEFERRED,
    tracking_category_id varchar(255) NOT NULL,
    tracking_option_id varchar(255) NOT NULL,
    category_name varchar(100) NOT NULL,
    option_name varchar(100) NOT NULL,
    is_active boolean NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX xero_tracking_categories_tracking_category_tracking_option_idx
    ON xero_tracking_categories (tracking_category_id, tracking_option_id);

CREATE TABLE xero_item_mappings (
    id uuid CONSTRAINT xero_item_mappings_pkey PRIMARY KEY,
    item_code varchar(50) NOT NULL CONSTRAINT xero_item_mappings_item_code_key UNIQUE,
    description varchar(255) NOT NULL,
    unit_price numeric(12, 2) NOT NULL,
    account_code varchar(20) NOT NULL,
    appointment_type_id uuid CONSTRAINT xero_item_mappings_appointment_type_id_fk
        REFERENCES appointment_types (id) DEFERRABLE INITIALLY DEFERRED,
    is_active boolean NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX xero_item_mappings_appointment_type_id_idx
    ON xero_item_mappings (appointment_type_id);

CREATE TABLE xero_batch_payments (
    id uuid CONSTRAINT xero_batch_payments_pkey PRIMARY KEY,
    reference varchar(100) NOT NULL,
    xero_batch_payment_id varchar(255) NOT NULL CONSTRAINT xero_batch_payments_xero_batch_payment_id_key UNIQUE,
    payment_date date NOT NULL,
    total numeric(12, 2) NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

CREATE TABLE xero_payments (
    id uuid CONSTRAINT xero_payments_pkey PRIMARY KEY,
    invoice_link_id uuid NOT NULL CONSTRAINT xero_payments_invoice_link_id_fk
        REFERENCES xero_invoice_links (id) DEFERRABLE INITIALLY DEFERRED,
    batch_payment_id uuid CONSTRAINT xero_payments_batch_payment_id_fk
        REFERENCES xero_batch_payments (id) DEFERRABLE INITIALLY DEFERRED,
    xero_payment_id varchar(255) NOT NULL CONSTRAINT xero_payments_xero_payment_id_key UNIQUE,
    amount numeric(12, 2) NOT NULL,
    payment_date date NOT NULL,
    reference varchar(100) NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX xero_payments_invoice_link_id_idx
    ON xero_payments (invoice_link_id);
CREATE INDEX xero_payments_batch_payment_id_idx
    ON xero_payments (batch_payment_id);

CREATE TABLE xero_sync_logs (
    id uuid CONSTRAINT xero_sync_logs_pkey PRIMARY KEY,
    operation_type varchar(50) NOT NULL,
    status varchar(20) NOT NULL,
    request_data jsonb,
    response_data jsonb,
    error_message text NOT NULL,
    local_entity_type varchar(50) NOT NULL,
    local_entity_id uuid,
    xero_entity_id varchar(255) NOT NULL,
    duration_ms integer,
    created_at timestamptz NOT NULL
);
CREATE INDEX xero_sync_logs_created_at_idx
    ON xero_sync_logs (created_at DESC);
CREATE INDEX xero_sync_logs_operation_type_status_idx
    ON xero_sync_logs (operation_type, status);
CREATE INDEX xero_sync_logs_local_entity_type_local_entity_id_idx
    ON xero_sync_logs (local_entity_type, local_entity_id);
