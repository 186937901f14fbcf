-- What is written about a patient.
-- Run by the role that owns the schema, in the order of the file names, once, on an empty database.

CREATE TABLE notes (
    id uuid CONSTRAINT notes_pkey PRIMARY KEY,
    patient_id uuid NOT NULL CONSTRAINT notes_patient_id_fk
        REFERENCES patients (id) DEFERRABLE INITIALLY DEFERRED,
    note_type varchar(50) NOT NULL,
    content text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    created_by varchar(100)
);
CREATE INDEX notes_patient_id_idx
    ON notes (patient_id);
CREATE INDEX notes_note_type_idx
    ON notes (note_type);
CREATE INDEX notes_patient_id_note_type_idx
    ON notes (patient_id, note_type);
CREATE INDEX notes_created_at_idx
    ON notes (created_at DESC);

CREATE TABLE letters_patientletter (
    id uuid CONSTRAINT letters_patientletter_pkey PRIMARY KEY,
    patient_id uuid NOT NULL CONSTRAINT letters_patientletter_patient_id_fk
        REFERENCES patients (id) DEFERRABLE INITIALLY DEFERRED,
    letter_type varchar(255) NOT NULL,
    recipient_name varchar(255) NOT NULL,
    subject varchar(255) NOT NULL,
    pages jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX letters_patientletter_patient_id_updated_at_idx
    ON letters_patientletter (patient_id, updated_at DESC);
CREATE INDEX letters_patientletter_letter_type_idx
    ON letters_patientletter (letter_type);
CREATE INDEX letters_patientletter_patient_id_idx
    ON letters_patientletter (patient_id);

CREATE TABLE reminders (
    id uuid CONSTRAINT reminders_pkey PRIMARY KEY,
    patient_id uuid NOT NULL CONSTRAINT reminders_patient_id_fk
        REFERENCES patients (id) DEFERRABLE INITIALLY DEFERRED,
    clinic_id uuid CONSTRAINT reminders_clinic_id_fk
        REFERENCES clinics (id) DEFERRABLE INITIALLY DEFERRED,
    note text NOT NULL,
    reminder_date date,
    status varchar(20) NOT NULL,
    appointment_id uuid,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    scheduled_at timestamptz,
    created_by varchar(100)
);
CREATE INDEX reminders_status_idx
    ON reminders (status);
CREATE INDEX reminders_clinic_id_status_idx
    ON reminders (clinic_id, status);
CREATE INDEX reminders_patient_id_idx
    ON reminders (patient_id);
CREATE INDEX reminders_reminder_date_idx
    ON reminders (reminder_date);
CREATE INDEX reminders_clinic_id_idx
    ON reminders (clinic_id);
