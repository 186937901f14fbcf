"""The API as Nexus's users meet it: what it hides, filters, searches and pages, and who may ask."""

from __future__ import annotations

from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet
from rest_framework import filters, permissions, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from tests.application.nexus_like.models import Appointment, Document, Image, ImageBatch, Patient

FILTERS = {"sex": "sex", "clinic": "clinic_id", "funding_type": "funding_type_id"}


def serializer_of(model_class: Any, *names: str) -> Any:
    """Return a serializer of these fields."""

    class Meta:
        model = model_class
        fields = names

    return type(f"{model_class.__name__}Serializer", (serializers.ModelSerializer,), {"Meta": Meta})


def of_patient(rows: QuerySet[Any], patient_id: str, prefix: str = "") -> QuerySet[Any]:
    """Return the rows whose generic link names this patient."""
    patient_type = ContentType.objects.get(app_label="patients", model="patient")
    return rows.filter(**{f"{prefix}content_type": patient_type, f"{prefix}object_id": patient_id})


class PatientViewSet(viewsets.ReadOnlyModelViewSet):
    """Patients: the list hides those that are archived; one of them can be opened by id."""

    serializer_class = serializer_of(
        Patient, "id", "mrn", "first_name", "last_name", "dob", "health_number", "clinic_id", "funding_type_id"
    )
    filter_backends = (filters.SearchFilter,)
    search_fields = ("first_name", "last_name", "mrn", "health_number")

    def get_queryset(self) -> QuerySet[Patient]:
        """Return what is asked for."""
        rows = Patient.objects.order_by("last_name", "first_name", "id")
        if self.action != "list":
            return rows
        asked = self.request.query_params
        rows = rows.filter(archived=asked.get("archived") == "true")
        return rows.filter(**{column: asked[name] for name, column in FILTERS.items() if asked.get(name)})


class AppointmentViewSet(viewsets.GenericViewSet):
    """Appointments; only the calendar is shown."""

    @action(detail=False)
    def calendar_data(self, request: Request) -> Response:
        """Return every event; one appointment without an end makes all of it fail, as in Nexus."""
        events = []
        for appointment in Appointment.objects.order_by("start_time"):
            event: dict[str, Any] = {"id": str(appointment.id), "start": appointment.start_time}
            if appointment.patient_id is None:
                events.append(event | {"allDay": True})
                continue
            event["patient"] = str(appointment.patient_id)
            length = appointment.end_time - appointment.start_time
            events.append(event | {"end": appointment.end_time, "minutes": length.total_seconds() / 60})
        return Response(events)


class DocumentViewSet(viewsets.ReadOnlyModelViewSet):
    """Documents that are active; Nexus shows them to anybody."""

    serializer_class = serializer_of(Document, "id", "file_name", "object_id")
    permission_classes = (permissions.AllowAny,)

    def get_queryset(self) -> QuerySet[Document]:
        """Return those of a patient, if one is named."""
        rows = Document.objects.filter(is_active=True).order_by("id")
        patient_id = self.request.query_params.get("patient_id")
        return of_patient(rows, patient_id) if patient_id else rows


class ImageBatchViewSet(viewsets.ReadOnlyModelViewSet):
    """Batches of images."""

    serializer_class = serializer_of(ImageBatch, "id", "name", "object_id")

    def get_queryset(self) -> QuerySet[ImageBatch]:
        """Return those of a patient, if one is named."""
        rows = ImageBatch.objects.order_by("id")
        patient_id = self.request.query_params.get("patient_id")
        return of_patient(rows, patient_id) if patient_id else rows


class ImageViewSet(viewsets.ReadOnlyModelViewSet):
    """Images."""

    serializer_class = serializer_of(Image, "id", "batch", "original_name")

    def get_queryset(self) -> QuerySet[Image]:
        """Return those of a patient, if one is named."""
        rows = Image.objects.order_by("id")
        patient_id = self.request.query_params.get("patient_id")
        return of_patient(rows, patient_id, "batch__") if patient_id else rows
