"""The doctor's look at Airflow itself: its database, the DAG, the pool, who the operators are, secrets and settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from airflow.configuration import conf
from airflow.models.dag import DagModel
from airflow.models.pool import Pool
from airflow.utils.session import create_session
from cryptography.fernet import Fernet
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError

from nexus_import.core.doctor import Item, bad, good, skipped, warning
from nexus_import.doctor.asking import Examination, find_connection
from nexus_import.phases.validate import FETCH_POOL
from nexus_import.settings import Settings

DAG_ID = "filemaker_import"
SECRETS = (("core", "fernet_key"), ("api", "secret_key"), ("api_auth", "jwt_secret"))
SHORTEST_SECRET = 16
USUAL_PASSWORDS = frozenset(
    {"", "admin", "airflow", "changeme", "change-me", "example", "minio", "minioadmin", "nexus", "password", "postgres"}
    | {"secret", "temporary_key", "test", "user"}
)
LOCAL = ("http://localhost", "http://127.", "http://0.0.0.0")
ADMIN_ROLES = frozenset({"admin", "op", "import admin"})
"""Roles that may trigger, in lower case: SimpleAuthManager's, FAB's, and the one that docs/deployment gives."""


@dataclass
class AirflowSide:
    """Looks at the Airflow whose environment this process has."""

    settings: Settings

    def examine(self, examination: Examination) -> None:
        """Look at everything, each thing after what it needs."""
        examination.look("Airflow's database", self._database)
        examination.look("DAG", self._dag, "Airflow's database")
        examination.look("pool", self._pool, "Airflow's database")
        examination.look("operators", self._operators, "Airflow's database")
        examination.look("secrets", self._secrets)
        examination.look("Airflow's settings", lambda: list(self._options()))

    def _database(self) -> Item:
        name = "Airflow's database"
        try:
            with create_session() as session:
                session.execute(select(Pool.id).limit(1))
                kind = session.get_bind().dialect.name
        except SQLAlchemyError as error:
            fix = "correct [database] sql_alchemy_conn, start the server, and run: airflow db migrate"
            return bad(name, f"it does not answer as Airflow's own ({type(error).__name__})", fix)
        if kind == "sqlite":
            return warning(name, "SQLite, which is for trying only", "use PostgreSQL for [database] sql_alchemy_conn")
        return good(name, f"{kind}, it answers and has Airflow's tables")

    def _dag(self) -> Item:
        with create_session() as session:
            row = session.execute(
                select(DagModel.is_paused, DagModel.is_stale, DagModel.has_import_errors).where(
                    DagModel.dag_id == DAG_ID
                )
            ).one_or_none()
        if row is None or row.is_stale:
            fix = "look whether the DAG processor runs and [core] dags_folder is this project's dags/"
            return bad("DAG", f"Airflow knows no DAG {DAG_ID}", fix)
        if row.has_import_errors:
            fix = "airflow dags list-import-errors names the line; often it is the policy or a package that is missing"
            return bad("DAG", f"{DAG_ID} could not be read", fix)
        if row.is_paused:
            return warning("DAG", f"{DAG_ID} is paused: it runs by hand only", f"airflow dags unpause {DAG_ID}")
        return good("DAG", f"{DAG_ID} is known and runs by its schedule")

    def _pool(self) -> Item:
        with create_session() as session:
            slots = session.scalar(select(Pool.slots).where(Pool.pool == FETCH_POOL))
        create = f'airflow pools set {FETCH_POOL} 3 "FileMaker Data API sessions of all tasks"'
        if slots is None:
            return bad(
                "pool", f"there is no pool '{FETCH_POOL}': the tasks that read FileMaker would wait for ever", create
            )
        if slots < 1:
            return bad("pool", f"the pool '{FETCH_POOL}' has {slots} slots: nothing can read FileMaker", create)
        return good("pool", f"'{FETCH_POOL}' has {slots} slots")

    def _operators(self) -> Item:
        operators = self.settings.policy.operators
        roles = self._known_roles()
        if roles is None:
            return skipped("operators", "this auth manager does not say whom it knows")
        fix = "create the user, or correct operators in the policy: nobody else may trigger and approve"
        if unknown := [name for name in operators if name not in roles]:
            return bad("operators", f"Airflow knows no active user {', '.join(unknown)}", fix)
        if unable := [name for name in operators if not roles[name] & ADMIN_ROLES]:
            fix = "give them the role that may trigger (Admin, or Import Admin), or take them out of operators"
            return bad("operators", f"{', '.join(unable)} may only look", fix)
        return good("operators", f"{', '.join(operators)}: known, and may trigger")

    def _known_roles(self) -> dict[str, set[str]] | None:
        """Return the roles by user, in lower case, None where the auth manager keeps its users elsewhere."""
        manager = conf.get("core", "auth_manager", fallback="")
        if manager.endswith("SimpleAuthManager"):
            pairs = conf.getlist("core", "simple_auth_manager_users", fallback="admin:admin")
            return {user: {role.lower()} for user, _, role in (pair.partition(":") for pair in pairs)}
        if not manager.endswith("FabAuthManager"):
            return None
        found: dict[str, set[str]] = {}
        with create_session() as session:
            rows = session.execute(
                text(
                    "SELECT ab_user.username, ab_role.name FROM ab_user JOIN ("
                    " SELECT user_id, role_id FROM ab_user_role UNION"
                    " SELECT ab_user_group.user_id, ab_group_role.role_id FROM ab_user_group"
                    "  JOIN ab_group_role ON ab_group_role.group_id = ab_user_group.group_id"
                    ") AS held ON held.user_id = ab_user.id JOIN ab_role ON ab_role.id = held.role_id"
                    " WHERE ab_user.active"
                )
            )
            for user, role in rows:
                found.setdefault(user, set()).add(str(role).lower())
        return found

    def _secrets(self) -> Item:
        """Look for secrets that are empty or known to everybody; none is shown."""
        weak = [
            f"[{section}] {name}"
            for section, name in SECRETS
            if not _is_secret(conf.get(section, name, fallback="")) or (name == "fernet_key" and not _is_fernet())
        ]
        ids = self.settings.policy.connections
        for connection_id in (ids.nexus, ids.backup, ids.restore, ids.filemaker):
            connection = find_connection(connection_id)
            if connection is None or connection.conn_type == "filemaker_files":
                continue
            password = connection.password or ""
            if password.lower() in USUAL_PASSWORDS or password == connection.login:
                weak.append(f"the password of '{connection_id}'")
        if weak:
            fix = "make each a random one of its own (docs/operations.md, Rotate credentials)"
            return bad("secrets", f"empty, short or known to everybody: {', '.join(weak)}", fix)
        return good("secrets", "keys of Airflow and passwords of the connections are set and not the usual ones")

    def _options(self) -> Iterator[Item]:
        name = "Airflow's settings"
        wrong = list(_wrong_options())
        yield from wrong
        if not wrong:
            yield good(name, "masking of secrets, parallelism, auth manager, address in mails")


def _wrong_options() -> Iterator[Item]:
    name = "Airflow's settings"
    if not conf.getboolean("core", "hide_sensitive_var_conn_fields", fallback=True):
        fix = "set AIRFLOW__CORE__HIDE_SENSITIVE_VAR_CONN_FIELDS=True"
        yield bad(name, "[core] hide_sensitive_var_conn_fields is off: passwords would stand in logs", fix)
    if conf.get("api", "expose_config", fallback="False").lower() == "true":
        fix = "set AIRFLOW__API__EXPOSE_CONFIG=False, or non-sensitive-only"
        yield bad(name, "[api] expose_config is on: the UI shows keys and passwords of Airflow", fix)
    if (parallelism := conf.getint("core", "parallelism", fallback=32)) < 2:
        fix = "set AIRFLOW__CORE__PARALLELISM to 4 or more: while a task waits, another must be able to run"
        yield bad(name, f"[core] parallelism is {parallelism}", fix)
    if conf.get("core", "auth_manager", fallback="").endswith("SimpleAuthManager"):
        fix = "use FabAuthManager, or that of your organisation, where others than you can reach the UI"
        yield warning(name, "SimpleAuthManager is for development: passwords stand in a file", fix)
    address = conf.get("api", "base_url", fallback="") or ""
    if not address or address.startswith(LOCAL):
        fix = "set AIRFLOW__API__BASE_URL to the address at which people open Airflow"
        yield warning(name, f"[api] base_url is '{address}': links in mails lead nowhere for others", fix)
    if conf.getboolean("logging", "remote_logging", fallback=False):
        remote = conf.get("logging", "remote_log_conn_id", fallback="") or ""
        if not remote or find_connection(remote) is None:
            fix = "set AIRFLOW__LOGGING__REMOTE_LOG_CONN_ID to an Airflow connection that is there"
            yield bad(name, f"[logging] remote_log_conn_id is '{remote}': logs would not reach the store", fix)


def _is_secret(value: str | None) -> bool:
    return len(value or "") >= SHORTEST_SECRET and (value or "").lower() not in USUAL_PASSWORDS


def _is_fernet() -> bool:
    try:
        Fernet(conf.get("core", "fernet_key", fallback="").split(",")[0].encode())
    except ValueError:
        return False
    return True
