-- purpose: patients of FileMaker drawn at random from live Nexus, and what the application has to show of each: what
--          is searched for and filtered by, and the ids of active documents, batches, images and appointments.
-- parameters: count. Result: one row per patient. Only reads.
WITH patient_type AS (
    SELECT id FROM public.django_content_type WHERE app_label = 'patients' AND model = 'patient'
),
drawn AS (
    SELECT known.filemaker_id, patient.*
    FROM nexus_import.identity AS known
    JOIN public.patients AS patient ON patient.id = known.nexus_id
    WHERE known.entity = 'patient' AND NOT patient.archived
    ORDER BY random()
    LIMIT %(count)s
)
SELECT drawn.id::text AS nexus_id,
       drawn.filemaker_id,
       drawn.first_name,
       drawn.last_name,
       drawn.dob::text AS dob,
       drawn.mrn,
       drawn.health_number,
       drawn.clinic_id::text AS clinic_id,
       drawn.funding_type_id::text AS funding_type_id,
       ARRAY(
           SELECT document.id::text FROM public.documents_document AS document
           JOIN patient_type ON patient_type.id = document.content_type_id
           WHERE document.object_id = drawn.id AND document.is_active
       ) AS documents,
       ARRAY(
           SELECT batch.id::text FROM public.images_batch AS batch
           JOIN patient_type ON patient_type.id = batch.content_type_id
           WHERE batch.object_id = drawn.id
       ) AS batches,
       ARRAY(
           SELECT image.id::text FROM public.images_image AS image
           JOIN public.images_batch AS batch ON batch.id = image.batch_id
           JOIN patient_type ON patient_type.id = batch.content_type_id
           WHERE batch.object_id = drawn.id
       ) AS images,
       ARRAY(
           SELECT appointment.id::text FROM public.appointments AS appointment
           WHERE appointment.patient_id = drawn.id
       ) AS appointments
FROM drawn;
