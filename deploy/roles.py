"""Who may do what in a deployment's Airflow: the rights of each role, and the accounts' roles of FAB made to have them.

FAB's built-in roles User and Op may trigger, clear and answer for every DAG, and what a DAG file says in
`access_control` can only add to that. So the rights are set here, once, when a deployment is prepared: a role has what
this file says, and nothing else. `[fab] update_fab_perms` must be off, or Airflow gives the built-in roles theirs back
at each start.
"""

from __future__ import annotations

from typing import Any

IMPORT_ADMIN = "Import Admin"
DAG_ID = "filemaker_import"
Right = tuple[str, str]

ACTS_ON_THE_IMPORT: tuple[Right, ...] = (
    ("can_edit", f"DAG:{DAG_ID}"),  # also: pause and unpause
    ("can_create", f"DAG Run:{DAG_ID}"),  # trigger
    # Clearing, marking and answering ask for these beside the right to edit the DAG, which is given for this one alone.
    ("can_edit", "DAG Runs"),
    ("can_create", "Task Instances"),
    ("can_edit", "Task Instances"),
    ("can_edit", "HITL Detail"),
    ("menu_access", "HITL Detail"),
    ("can_read", "Audit Logs"),  # who triggered, cleared and answered, or tried to
    ("menu_access", "Audit Logs"),
)
"""What people with the role Import Admin may do beside looking: on the import only, and not on the restore."""


def rights_of_roles(viewer: set[Right]) -> dict[str, set[Right]]:
    """Return the rights of each role but Admin, given FAB's own for its role Viewer."""
    return {
        "Viewer": viewer,
        "User": viewer,
        "Op": viewer,
        "Public": set(),
        IMPORT_ADMIN: viewer | set(ACTS_ON_THE_IMPORT),
    }


def set_rights(security_manager: Any) -> dict[str, tuple[int, int]]:
    """Give each role exactly its rights; return {role: (rights added, rights taken away)}.

    `security_manager` is FAB's. May run again, and on a deployment that has accounts with these roles.
    """
    security_manager.sync_roles()
    viewer = set(map(tuple, security_manager.VIEWER_PERMISSIONS))
    return {name: _set(security_manager, name, rights) for name, rights in rights_of_roles(viewer).items()}


def _set(security_manager: Any, name: str, rights: set[Right]) -> tuple[int, int]:
    role = security_manager.find_role(name) or security_manager.add_role(name)
    present = {(each.action.name, each.resource.name): each for each in role.permissions}
    for right in sorted(rights - present.keys()):
        security_manager.add_permission_to_role(role, security_manager.create_permission(*right))
    for right in sorted(present.keys() - rights):
        security_manager.remove_permission_from_role(role, present[right])
    return len(rights - present.keys()), len(present.keys() - rights)
