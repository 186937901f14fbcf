"""Nexus import in the Airflow UI: a menu entry with all runs, and a tab with the report of a run."""

from __future__ import annotations

from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin
from nexus_import.web.plugin_app import application

URL_PREFIX = "/nexus"
# the UI does not put the path of [api] base_url before a plugin's address
_BASE = urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/") + URL_PREFIX


APPS = [{"app": application, "url_prefix": URL_PREFIX, "name": "Nexus import"}]
VIEWS = [
    {"name": "Nexus import", "href": f"{_BASE}/", "destination": "nav", "url_route": "nexus-import"},
    {
        "name": "Import report",
        "href": f"{_BASE}/dags/{{DAG_ID}}/runs/{{RUN_ID}}",
        "destination": "dag_run",
        "url_route": "import-report",
    },
]


class NexusImportPlugin(AirflowPlugin):
    """The import report."""

    name = "nexus_import"
    fastapi_apps = APPS
    external_views = VIEWS
