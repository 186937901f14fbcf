"""Where the API's parts are, as in Nexus."""

from __future__ import annotations

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from tests.application.nexus_like import views

router = SimpleRouter()
router.register("patients", views.PatientViewSet, "patient")
router.register("appointments", views.AppointmentViewSet, "appointment")
router.register("documents", views.DocumentViewSet, "document")
router.register("images/batches", views.ImageBatchViewSet, "batch")
router.register("images", views.ImageViewSet, "image")

urlpatterns = [path("api/", include(router.urls))]
