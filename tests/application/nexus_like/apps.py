"""The application under the label that Nexus's content types have."""

from __future__ import annotations

from django.apps import AppConfig


class PatientsConfig(AppConfig):
    """One application in place of Nexus's several: the label is what content types are looked up by."""

    name = "tests.application.nexus_like"
    label = "patients"
