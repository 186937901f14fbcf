"""The tables that the API shows, as they are in Nexus; this application makes none of them."""

from __future__ import annotations

from django.contrib.contenttypes.models import ContentType
from django.db import models


class Patient(models.Model):
    """A patient."""

    id = models.UUIDField(primary_key=True)
    mrn = models.CharField(max_length=50, null=True)
    first_name = models.CharField(max_length=100)
    last_name = models.CharField(max_length=100)
    dob = models.DateField(null=True)
    sex = models.CharField(max_length=20, null=True)
    health_number = models.CharField(max_length=50, null=True)
    clinic_id = models.UUIDField(null=True)
    funding_type_id = models.UUIDField(null=True)
    archived = models.BooleanField()

    class Meta:
        """Nexus's table."""

        managed = False
        db_table = "patients"


class Appointment(models.Model):
    """An appointment, or an event of the clinic when it has no patient."""

    id = models.UUIDField(primary_key=True)
    patient = models.ForeignKey(Patient, models.PROTECT, null=True)
    start_time = models.DateTimeField()
    end_time = models.DateTimeField(null=True)
    status = models.CharField(max_length=20)

    class Meta:
        """Nexus's table."""

        managed = False
        db_table = "appointments"


class Document(models.Model):
    """A document of whatever its generic link names."""

    id = models.UUIDField(primary_key=True)
    content_type = models.ForeignKey(ContentType, models.CASCADE, null=True)
    object_id = models.UUIDField(null=True)
    file_name = models.CharField(max_length=255)
    is_active = models.BooleanField()

    class Meta:
        """Nexus's table."""

        managed = False
        db_table = "documents_document"


class ImageBatch(models.Model):
    """A batch of images of whatever its generic link names."""

    id = models.UUIDField(primary_key=True)
    content_type = models.ForeignKey(ContentType, models.CASCADE)
    object_id = models.UUIDField()
    name = models.CharField(max_length=255)

    class Meta:
        """Nexus's table."""

        managed = False
        db_table = "images_batch"


class Image(models.Model):
    """An image of a batch."""

    id = models.UUIDField(primary_key=True)
    batch = models.ForeignKey(ImageBatch, models.CASCADE)
    original_name = models.CharField(max_length=255)

    class Meta:
        """Nexus's table."""

        managed = False
        db_table = "images_image"
