-- SMS and e-mail: settings, templates and what was sent.
-- Run by the role that owns the schema, in the order of the file names, once, on an empty database.

CREATE TABLE sms_templates (
    id uuid CONSTRAINT sms_templates_pkey PRIMARY KEY,
    name varchar(100) NOT NULL CONSTRAINT sms_templates_name_key UNIQUE,
    description text NOT NULL,
    category varchar(50) NOT NULL,
    clinic_id uuid CONSTRAINT sms_templates_clinic_id_fk
        REFERENCES clinics (id) DEFERRABLE INITIALLY DEFERRED,
    message_template text NOT NULL,
    is_active boolean NOT NULL,
    character_count integer NOT NULL,
    sms_segment_count integer NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    created_by varchar(100) NOT NULL
);
CREATE INDEX sms_templates_clinic_id_idx
    ON sms_templates (clinic_id);

CREATE TABLE sms_messages (
    id uuid CONSTRAINT sms_messages_pkey PRIMARY KEY,
    patient_id uuid CONSTRAINT sms_messages_patient_id_fk
        REFERENCES patients (id) DEFERRABLE INITIALLY DEFERRED,
    appointment_id uuid CONSTRAINT sms_messages_appointment_id_fk
        REFERENCES appointments (id) DEFERRABLE INITIALLY DEFERRED,
    template_id uuid CONSTRAINT sms_messages_template_id_fk
        REFERENCES sms_templates (id) DEFERRABLE INITIALLY DEFERRED,
    phone_number varchar(20) NOT NULL,
    message text NOT NULL,
    status varchar(20) NOT NULL,
    external_message_id varchar(100) NOT NULL,
    created_at timestamptz NOT NULL,
    scheduled_at timestamptz,
    sent_at timestamptz,
    delivered_at timestamptz,
    error_message text NOT NULL,
    retry_count integer NOT NULL,
    sms_count integer NOT NULL,
    cost numeric(6, 4),
    notes text NOT NULL
);
CREATE INDEX sms_messages_patient_id_created_at_idx
    ON sms_messages (patient_id, created_at DESC);
CREATE INDEX sms_messages_appointment_id_idx
    ON sms_messages (appointment_id);
CREATE INDEX sms_messages_status_scheduled_at_idx
    ON sms_messages (status, scheduled_at);
CREATE INDEX sms_messages_created_at_idx
    ON sms_messages (created_at DESC);
CREATE INDEX sms_messages_patient_id_idx
    ON sms_messages (patient_id);
CREATE INDEX sms_messages_template_id_idx
    ON sms_messages (template_id);

CREATE TABLE sms_inbound (
    id uuid CONSTRAINT sms_inbound_pkey PRIMARY KEY,
    from_number varchar(20) NOT NULL,
    to_number varchar(20) NOT NULL,
    message text NOT NULL,
    external_message_id varchar(100) NOT NULL,
    received_at timestamptz NOT NULL,
    patient_id uuid CONSTRAINT sms_inbound_patient_id_fk
        REFERENCES patients (id) DEFERRABLE INITIALLY DEFERRED,
    is_processed boolean NOT NULL,
    processed_at timestamptz,
    processed_by varchar(100) NOT NULL,
    notes text NOT NULL
);
CREATE INDEX sms_inbound_from_number_received_at_idx
    ON sms_inbound (from_number, received_at DESC);
CREATE INDEX sms_inbound_is_processed_received_at_idx
    ON sms_inbound (is_processed, received_at DESC);
CREATE INDEX sms_inbound_received_at_idx
    ON sms_inbound (received_at DESC);
CREATE INDEX sms_inbound_patient_id_idx
    ON sms_inbound (patient_id);

CREATE TABLE gmail_connections (
    id uuid CONSTRAINT gmail_connections_pkey PRIMARY KEY,
    email_address varchar(254) NOT NULL CONSTRAINT gmail_connections_email_address_key UNIQUE,
    display_name varchar(255) NOT NULL,
    access_token text NOT NULL,
    refresh_token text NOT NULL,
    token_expires_at timestamptz,
    is_active boolean NOT NULL,
    is_primary boolean NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

CREATE TABLE email_templates (
    id uuid CONSTRAINT email_templates_pkey PRIMARY KEY,
    name varchar(100) NOT NULL CONSTRAINT email_templates_name_key UNIQUE,
    subject varchar(500) NOT NULL,
    body text NOT NULL,
    is_active boolean NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

CREATE TABLE sent_emails (
    id uuid CONSTRAINT sent_emails_pkey PRIMARY KEY,
    connection_id uuid CONSTRAINT sent_emails_connection_id_fk
        REFERENCES gmail_connections (id) DEFERRABLE INITIALLY DEFERRED,
    to_addresses text NOT NULL,
    cc_addresses text NOT NULL,
    bcc_addresses text NOT NULL,
    subject varchar(500) NOT NULL,
    body_preview text NOT NULL,
    has_attachments boolean NOT NULL,
    attachment_names text NOT NULL,
    template_id uuid CONSTRAINT sent_emails_template_id_fk
        REFERENCES email_templates (id) DEFERRABLE INITIALLY DEFERRED,
    status varchar(20) NOT NULL,
    error_message text NOT NULL,
    gmail_message_id varchar(255) NOT NULL,
    gmail_thread_id varchar(255) NOT NULL,
    related_patient_id varchar(100) NOT NULL,
    related_appointment_id varchar(100) NOT NULL,
    related_report_type varchar(100) NOT NULL,
    sent_at timestamptz NOT NULL,
    sent_by varchar(255) NOT NULL
);
CREATE INDEX sent_emails_sent_at_idx
    ON sent_emails (sent_at DESC);
CREATE INDEX sent_emails_status_idx
    ON sent_emails (status);
CREATE INDEX sent_emails_related_patient_id_idx
    ON sent_emails (related_patient_id);
CREATE INDEX sent_emails_connection_id_idx
    ON sent_emails (connection_id);
CREATE INDEX sent_emails_template_id_idx
    ON sent_emails (template_id);
