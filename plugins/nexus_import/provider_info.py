"""What Airflow reads from this distribution: the FileMaker connection type and its form."""

from __future__ import annotations

from typing import Any

# Airflow 3.3.2 refuses to test a stored connection without a port: "Bad Request" (apache/airflow#73298).
_PORT_HINT = "without a number here Airflow's Test fails"


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
                    "hidden-fields": [],
                    "relabeling": {"host": "Server address", "schema": "Database", "login": "Account name"},
                    "placeholders": {
                        "host": "https://filemaker.example.com",
                        "port": f"443: {_PORT_HINT}",
                        "schema": "name of the file, without .fmp12",
                        "login": "an account whose privilege set has fmrest",
                    },
                },
                "conn-fields": _conn_fields(),
            },
            {
                "connection-type": "filemaker_files",
                "hook-class-name": "nexus_import.filemaker.files_hook.FileMakerFilesHook",
                "hook-name": "FileMaker exported files",
                "ui-field-behaviour": {
                    "hidden-fields": ["schema", "login", "password"],
                    "relabeling": {"host": "Folder"},
                    "placeholders": {"host": "/exports/filemaker", "port": f"0: {_PORT_HINT}"},
                },
                "conn-fields": _file_conn_fields(),
            },
        ],
    }


def _conn_fields() -> dict[str, Any]:
    return {
        "page_size": {
            "label": "Page size (records)",
            "description": "Records asked for at once; halved by itself while the server is too slow for it.",
            "schema": {"type": ["integer", "null"], "default": 1000, "minimum": 1},
        },
        "sessions": {
            "label": "Sessions at once",
            "description": "More let threads read side by side; each counts against the server's capacity.",
            "schema": {"type": ["integer", "null"], "default": 3, "minimum": 1},
        },
        "ca_file": {
            "label": "CA file",
            "description": "Path, on every machine that runs Airflow, of the PEM file that the server's certificate is"
            " checked against; empty for a certificate that everyone trusts.",
            "schema": {"type": ["string", "null"], "default": None},
        },
        "connect_timeout": {
            "label": "Connect time-out (seconds)",
            "description": "How long to wait for a connection.",
            "schema": {"type": ["number", "null"], "default": 10, "minimum": 1},
        },
        "read_timeout": {
            "label": "Read time-out (seconds)",
            "description": "How long the server may take; a page that takes longer is asked for in halves.",
            "schema": {"type": ["number", "null"], "default": 60, "minimum": 1},
        },
        "layouts": {
            "label": "Layouts to test",
            "description": "One on each line: the test of this connection looks for them and reads a record of each.",
            "schema": {"type": ["array", "null"], "items": {"type": "string"}, "default": None},
        },
    }


def _file_conn_fields() -> dict[str, Any]:
    return {
        "encoding": {
            "label": "Character set",
            "description": "Of text files without byte order mark, when it is not UTF-8: windows-1252 (Windows ANSI),"
            " macintosh, utf-16-le.",
            "schema": {"type": ["string", "null"], "default": None},
        },
        "delimiter": {
            "label": "Delimiter",
            "description": "Between the fields of .mer, .csv and .txt files, when it is not the usual one: comma,"
            " semicolon or tab.",
            "schema": {"type": ["string", "null"], "default": None},
        },
        "date_order": {
            "label": "Order of dates",
            "description": "mdy when FileMaker wrote the month first, dmy when it wrote the day first.",
            "schema": {"type": ["string", "null"], "default": "mdy", "enum": ["mdy", "dmy"]},
        },
    }
