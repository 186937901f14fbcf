-- The calendar, and the encounters held at its appointments.
-- Run by the role that owns the schema, in the order of the file names, once, on an empty database.

CREATE TABLE appointments (
    id uuid CONSTRAINT appointments_pkey PRIMARY KEY,
    filemaker_event_id uuid CONSTRAINT appointments_filemaker_event_id_key UNIQUE,
    clinic_id uuid CONSTRAINT appointments_clinic_id_fk
        REFERENCES clinics (id) DEFERRABLE INITIALLY DEFERRED,
    patient_id uuid CONSTRAINT appointments_patient_id_fk
        REFERENCES patients (id) DEFERRABLE INITIALLY DEFERRED,
    clinician_id uuid CONSTRAINT appointments_clinician_id_fk
        REFERENCES clinicians (id) DEFERRABLE INITIALLY DEFERRED,
    appointment_type_id uuid CONSTRAINT appointments_appointment_type_id_fk
        REFERENCES appointment_types (id) DEFERRABLE INITIALLY DEFERRED,
    start_time timestamptz NOT NULL,
    end_time timestamptz,
    status varchar(20) NOT NULL,
    reason text,
    notes text,
    parent_appointment_id uuid CONSTRAINT appointments_parent_appointment_id_fk
        REFERENCES appointments (id) DEFERRABLE INITIALLY DEFERRED,
    needs_followup_reminder boolean NOT NULL,
    followup_scheduled boolean NOT NULL,
    recurrence_group_id uuid,
    is_recurring boolean NOT NULL,
    recurrence_pattern varchar(20),
    recurrence_end_date date,
    invoice_contact_type varchar(20) NOT NULL,
    billing_company_id uuid CONSTRAINT appointments_billing_company_id_fk
        REFERENCES companies (id) DEFERRABLE INITIALLY DEFERRED,
    billing_notes text NOT NULL,
    sms_reminder_sent_at timestamptz,
    sms_confirmed boolean NOT NULL,
    sms_confirmed_at timestamptz,
    sms_confirmation_message text,
    sms_cancelled boolean NOT NULL,
    sms_cancelled_at timestamptz,
    sms_cancellation_message text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX appointments_clinic_id_start_time_idx
    ON appointments (clinic_id, start_time DESC);
CREATE INDEX appointments_patient_id_start_time_idx
    ON appointments (patient_id, start_time DESC);
CREATE INDEX appointments_clinician_id_start_time_idx
    ON appointments (clinician_id, start_time DESC);
CREATE INDEX appointments_status_start_time_idx
    ON appointments (status, start_time DESC);
CREATE INDEX appointments_clinic_id_idx
    ON appointments (clinic_id);
CREATE INDEX appointments_patient_id_idx
    ON appointments (patient_id);
CREATE INDEX appointments_clinician_id_idx
    ON appointments (clinician_id);
CREATE INDEX appointments_appointment_type_id_idx
    ON appointments (appointment_type_id);
CREATE INDEX appointments_parent_appointment_id_idx
    ON appointments (parent_appointment_id);
CREATE INDEX appointments_billing_company_id_idx
    ON appointments (billing_company_id);

CREATE TABLE encounters (
    id uuid CONSTRAINT encounters_pkey PRIMARY KEY,
    patient_id uuid NOT NULL CONSTRAINT encounters_patient_id_fk
        REFERENCES patients (id) DEFERRABLE INITIALLY DEFERRED,
    clinician_id uuid CONSTRAINT encounters_clinician_id_fk
        REFERENCES clinicians (id) DEFERRABLE INITIALLY DEFERRED,
    appointment_id uuid CONSTRAINT encounters_appointment_id_key UNIQUE CONSTRAINT encounters_appointment_id_fk
        REFERENCES appointments (id) DEFERRABLE INITIALLY DEFERRED,
    start_time timestamptz NOT NULL,
    end_time timestamptz,
    type varchar(50),
    reason text,
    summary text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX encounters_patient_id_start_time_idx
    ON encounters (patient_id, start_time DESC);
CREATE INDEX encounters_clinician_id_start_time_idx
    ON encounters (clinician_id, start_time DESC);
CREATE INDEX encounters_patient_id_idx
    ON encounters (patient_id);
CREATE INDEX encounters_clinician_id_idx
    ON encounters (clinician_id);
