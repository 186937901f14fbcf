"""The application as Airflow's plugin mounts it: with Airflow's own rights, and made when it is first asked.

Every process of Airflow loads its plugins, workers too; what only the API server needs is not imported before it is
needed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from functools import cache
from typing import Any

from nexus_import.web.links import IMPORT_DAG

Message = MutableMapping[str, Any]


@cache
def import_report() -> Any:
    """Return the application."""
    from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
    from airflow.api_fastapi.core_api.security import GetUserDep, get_user, requires_access_dag
    from fastapi import Request

    from nexus_import.web.airflow_side import ThisAirflow
    from nexus_import.web.app import create_app

    of_import = requires_access_dag("GET", DagAccessEntity.RUN, IMPORT_DAG)
    of_path = requires_access_dag("GET", DagAccessEntity.RUN)

    def guard(request: Request, user: GetUserDep) -> None:
        """Refuse who may not read the DAG that the path names, or the import's."""
        (of_path if "dag_id" in request.path_params else of_import)(request, user)

    # annotations are text in this module, and these names are not the module's
    guard.__annotations__ = {"request": Request, "user": GetUserDep, "return": None}
    return create_app(ThisAirflow(), guard, get_user)


async def application(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Serve a request, as ASGI has it."""
    await import_report()(scope, receive, send)
