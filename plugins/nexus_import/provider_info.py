"""What Airflow reads from this distribution: the FileMaker connection type."""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """Return the provider metadata that Airflow's ProvidersManager expects."""
    return {
        "package-name": "nexus-import",
        "name": "Nexus import",
        "description": "FileMaker Data API connections for the Nexus import.",
        "connection-types": [
            {
                "connection-type": "filemaker",
                "hook-class-name": "nexus_import.filemaker.hook.FileMakerHook",
                "hook-name": "FileMaker Data API",
                "ui-field-behaviour": {
                    "hidden-fields": ["port"],
                    "relabeling": {"schema": "Database", "host": "Server URL"},
                    "placeholders": {"host": "https://filemaker.example.com", "schema": "Clinic"},
                },
                "conn-fields": {
                    "page_size": {
                        "label": "Page size (records)",
                        "schema": {"type": ["integer", "null"], "default": 1000},
                    },
                    "sessions": {
                        "label": "Sessions at once",
                        "schema": {"type": ["integer", "null"], "default": 3},
                    },
                    "ca_file": {
                        "label": "CA file for the server's certificate",
                        "schema": {"type": ["string", "null"], "default": None},
                    },
                },
            }
        ],
    }
