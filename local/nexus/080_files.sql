-- Documents and images: the rows only, the bytes are on S3.
-- The link to a patient is generic (content type and object id) and has no constraint.
-- Run by the role that owns the schema, in the order of the file names, once, on an empty database.

CREATE TABLE documents_document (
    id uuid CONSTRAINT documents_document_pkey PRIMARY KEY,
    content_type_id integer CONSTRAINT documents_document_content_type_id_fk
        REFERENCES django_content_type (id) DEFERRABLE INITIALLY DEFERRED,
    object_id uuid,
    file_name varchar(255) NOT NULL,
    original_name varchar(255) NOT NULL,
    file_size integer NOT NULL,
    mime_type varchar(100) NOT NULL,
    s3_bucket varchar(255) NOT NULL,
    s3_key varchar(512) NOT NULL,
    s3_url varchar(1024) NOT NULL,
    category varchar(100) NOT NULL,
    description text NOT NULL,
    tags jsonb NOT NULL,
    uploaded_by varchar(100) NOT NULL,
    uploaded_at timestamptz NOT NULL,
    document_date date,
    updated_at timestamptz NOT NULL,
    is_active boolean NOT NULL,
    filemaker_id uuid CONSTRAINT documents_document_filemaker_id_key UNIQUE,
    filemaker_metadata jsonb
);
CREATE INDEX documents_document_content_type_id_object_id_idx
    ON documents_document (content_type_id, object_id);
CREATE INDEX documents_document_category_idx
    ON documents_document (category);
CREATE INDEX documents_document_uploaded_at_idx
    ON documents_document (uploaded_at);
CREATE INDEX documents_document_content_type_id_idx
    ON documents_document (content_type_id);

CREATE TABLE images_batch (
    id uuid CONSTRAINT images_batch_pkey PRIMARY KEY,
    content_type_id integer NOT NULL CONSTRAINT images_batch_content_type_id_fk
        REFERENCES django_content_type (id) DEFERRABLE INITIALLY DEFERRED,
    object_id uuid NOT NULL,
    name varchar(255) NOT NULL,
    description text NOT NULL,
    uploaded_by_id integer CONSTRAINT images_batch_uploaded_by_id_fk
        REFERENCES auth_user (id) DEFERRABLE INITIALLY DEFERRED,
    uploaded_at timestamptz NOT NULL,
    image_count integer NOT NULL,
    metadata jsonb
);
CREATE INDEX images_batch_content_type_id_object_id_idx
    ON images_batch (content_type_id, object_id);
CREATE INDEX images_batch_uploaded_at_idx
    ON images_batch (uploaded_at);
CREATE INDEX images_batch_content_type_id_idx
    ON images_batch (content_type_id);
CREATE INDEX images_batch_uploaded_by_id_idx
    ON images_batch (uploaded_by_id);

CREATE TABLE images_image (
    id uuid CONSTRAINT images_image_pkey PRIMARY KEY,
    batch_id uuid NOT NULL CONSTRAINT images_image_batch_id_fk
        REFERENCES images_batch (id) DEFERRABLE INITIALLY DEFERRED,
    s3_key varchar(500) NOT NULL,
    s3_thumbnail_key varchar(500) NOT NULL,
    original_name varchar(255) NOT NULL,
    file_size integer NOT NULL,
    thumbnail_size integer,
    mime_type varchar(100) NOT NULL,
    width integer,
    height integer,
    category varchar(100) NOT NULL,
    caption text NOT NULL,
    date_taken date,
    uploaded_by_id integer CONSTRAINT images_image_uploaded_by_id_fk
        REFERENCES auth_user (id) DEFERRABLE INITIALLY DEFERRED,
    uploaded_at timestamptz NOT NULL,
    filemaker_id uuid CONSTRAINT images_image_filemaker_id_key UNIQUE,
    "order" integer NOT NULL
);
CREATE INDEX images_image_batch_id_order_idx
    ON images_image (batch_id, "order");
CREATE INDEX images_image_uploaded_at_idx
    ON images_image (uploaded_at);
CREATE INDEX images_image_category_idx
    ON images_image (category);
CREATE INDEX images_image_batch_id_idx
    ON images_image (batch_id);
CREATE INDEX images_image_uploaded_by_id_idx
    ON images_image (uploaded_by_id);
