"""Runs the services of docker-compose.yaml on this machine without an engine, from the file's own text.

Commands, environment, health checks and order are the file's; each process has a host name of its own, as a container
has. Only what an engine would provide is put in its place, and each such substitution is written down: hosts and
ports (all on loopback), paths, and the programs of images that are not ours.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from local.network import LOOPBACK, free_ports
from local.postgres import PostgresCluster, binaries
from local.processes import Program, StackError
from local.supervisor import Supervisor
from tests.deployment.composefile import REPOSITORY, image_environment

OURS = ("nexus-import:", "nexus-import-demo:")
START_SECONDS = 240.0
CHECK_SECONDS = 30
POLL_SECONDS = 0.5
# ports that processes of each service listen on inside its container
PORTS: dict[str, tuple[int, ...]] = {
    "api-server": (8080,),
    "scheduler": (8974,),
    "worker": (8793,),
    "triggerer": (8794,),
    "metadata-db": (5432,),
    "redis": (6379,),
    "nexus-db": (5432,),
    "s3": (8333,),
    "mail": (1025, 8025),
    "filemaker": (8000, 8001),
}


@dataclass
class Container:
    """One replica of a service: its name, which is its host name too, and the service's part of the file."""

    name: str
    service: str
    part: Mapping[str, Any]
    ports: dict[int, int] = field(default_factory=dict)


class Services:
    """The services of a Compose file as processes; `with` starts them in the file's order and ends them.

    `content` is the file with its variables filled in, `include_folder` what is mounted as the clinic's include/.
    """

    def __init__(self, content: Mapping[str, Any], directory: Path, include_folder: Path) -> None:
        self.content = content
        self.directory = directory
        self.supervisor = Supervisor()
        self.substitutions: dict[str, str] = {}
        self.log_folder = directory / "logs"
        self._paths = {
            "/opt/nexus-import/include": str(include_folder),
            "/opt/nexus-import": str(REPOSITORY),
            "/opt/airflow/logs": str(directory / "task-logs"),
            "/srv/clinic": str(directory / "clinic"),
        }
        self._databases: dict[str, PostgresCluster] = {}
        self.containers = {each.name: each for name in content["services"] for each in self._containers(name)}

    def __enter__(self) -> Services:
        """Start everything; at an error end it again."""
        try:
            self._start_all()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything."""
        self.stop()

    def stop(self) -> None:
        """End the processes, the databases last."""
        self.supervisor.stop_all()
        for database in self._databases.values():
            database.stop()

    def port(self, service: str, inside: int) -> int:
        """Return the port on loopback for a service's port inside."""
        return next(each for each in self.containers.values() if each.service == service).ports[inside]

    def database(self, service: str) -> PostgresCluster:
        """Return the cluster that stands for a service of the image postgres."""
        return self._databases[service]

    def replicas(self, service: str) -> list[str]:
        """Return the names of a service's containers."""
        return [each.name for each in self.containers.values() if each.service == service]

    def is_healthy(self, name: str) -> bool:
        """Run the health check of a container once, in its environment."""
        return self.run_check(name).returncode == 0

    def run_check(self, name: str) -> subprocess.CompletedProcess[str]:
        """Run the health check of a container once and return what became of it."""
        container = self.containers[name]
        kind, *test = container.part["healthcheck"]["test"]
        command = ["sh", "-c", *test] if kind == "CMD-SHELL" else test
        return subprocess.run(
            self._in_container(container, command),
            env=self.environment(container),
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=CHECK_SECONDS,
            check=False,
        )

    def run(self, name: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command as `docker compose run` or `exec` would, in the environment of a container."""
        container = self.containers[name]
        return subprocess.run(
            self._in_container(container, list(command)),
            env=self.environment(container),
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )

    def environment(self, container: Container) -> dict[str, str]:
        """Return the whole environment of a container: its image's, and the file's."""
        named = {name: str(value) for name, value in container.part.get("environment", {}).items()}
        if container.part["image"].startswith(OURS):
            named = image_environment() | named
        named = {name: self._substitute(container, value) for name, value in named.items()}
        if "AIRFLOW_HOME" in named:
            home = self.directory / "homes" / container.name
            home.mkdir(parents=True, exist_ok=True)
            self._note("/opt/airflow", f"a directory for each container below {self.directory}/homes")
            if not (home / "logs").exists():
                (home / "logs").symlink_to(self._paths["/opt/airflow/logs"])
            named["AIRFLOW_HOME"] = named["HOME"] = str(home)
        self._note("PATH of the image", "PATH of this interpreter")
        named["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{binaries()}{os.pathsep}{os.defpath}"
        return named | {"NO_PROXY": LOOPBACK, "no_proxy": LOOPBACK, "LANG": "C.UTF-8"}

    def _containers(self, service: str) -> list[Container]:
        part = self.content["services"][service]
        count = int(part.get("deploy", {}).get("replicas", 1))
        found = []
        for number in range(1, count + 1):
            name = f"{service}-{number}" if count > 1 else service
            inside = PORTS.get(service, ())
            found.append(Container(name, service, part, dict(zip(inside, free_ports(len(inside)), strict=True))))
        return found

    def _substitute(self, container: Container, text: str) -> str:
        """Return a text of the file as it is true on this machine."""
        result = text
        for other in self.containers.values():
            for inside, outside in other.ports.items():
                address = f"{other.service}:{inside}"
                result = self._replace(result, rf"(^|@|//){re.escape(address)}(?!\d)", address, f"{LOOPBACK}:{outside}")
        for inside, outside in container.ports.items():
            result = self._replace(result, rf"(^|\D){inside}(?!\d)", f"{container.name} port {inside}", str(outside))
        result = self._replace(result, r"(^)0\.0\.0\.0$", "0.0.0.0", LOOPBACK)
        for path, here in self._paths.items():
            result = self._replace(result, rf"(^|=){re.escape(path)}(?=/|$)", path, here)
        return result

    def _replace(self, text: str, pattern: str, what: str, by: str) -> str:
        result = re.sub(pattern, lambda found: f"{found[1]}{by}", text)
        if result != text:
            self._note(what, by)
        return result

    def _note(self, what: str, by: str) -> None:
        self.substitutions[what] = by

    def _in_container(self, container: Container, command: list[str]) -> tuple[str, ...]:
        """Let the command see the container's own host name."""
        command = [self._substitute(container, part) for part in command]
        own_name = () if os.geteuid() == 0 else ("--user", "--map-root-user")
        return ("unshare", *own_name, "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', container.name, *command)

    def _start_all(self) -> None:
        (self.directory / "task-logs").mkdir(parents=True)
        waits: dict[str, Future[None]] = {}
        with ThreadPoolExecutor(len(self.containers)) as pool:
            left = list(self.content["services"])
            while left:
                # what a service waits for is started before it, whatever the order in the file
                ready = [name for name in left if set(self._needs(name)) <= waits.keys()]
                assert ready, f"services that wait for each other: {left}"
                for name in ready:
                    waits[name] = pool.submit(self._start, name, {need: waits[need] for need in self._needs(name)})
                    left.remove(name)
            try:
                for wait in waits.values():
                    wait.result()
            except BaseException:
                self.supervisor.stop_all()
                raise

    def _needs(self, service: str) -> list[str]:
        needs: Mapping[str, Any] = self.content["services"][service].get("depends_on", {})
        return [name for name in needs if name in self.content["services"]]

    def _start(self, service: str, needs: Mapping[str, Future[None]]) -> None:
        """Wait until what the service depends on is as the file wants it, start its containers, wait for them."""
        for need in needs.values():
            need.result()
        for name in self.replicas(service):
            self._start_container(self.containers[name])
        for name in self.replicas(service):
            self._wait(self.containers[name])

    def _start_container(self, container: Container) -> None:
        image, part = container.part["image"], container.part
        if image.startswith("postgres:"):
            self._note(f"image {image} ({container.service})", "PostgreSQL 18.4 of a wheel")
            self._start_database(container)
            return
        if image.startswith("chrislusf/seaweedfs:"):
            self._note(f"image {image}", "the S3 server of the embedded stack; command and health check not run")
            command = [sys.executable, "-m", "local.s3", "--port", str(container.ports[8333])]
            command += ["--directory", str(self.directory / "s3"), "--bucket", part["environment"]["S3_BUCKET"]]
        elif image.startswith("axllent/mailpit:"):
            self._note(f"image {image}", "the mail sink of the embedded stack; health check not run")
            command = [sys.executable, "-m", "local.mail", "--port", str(container.ports[1025])]
            command += ["--directory", str(self.directory / "mail")]
        else:
            command = list(part["command"])
            if image.startswith("redis:"):
                self._note(f"image {image}", "redis-server of this machine")
                self._paths["/data"] = str(self.directory)
                command += ["--bind", LOOPBACK]
        self.supervisor.start(
            Program(
                container.name,
                self._in_container(container, command),
                self.log_folder / f"{container.name}.log",
                env=self.environment(container),
                cwd=REPOSITORY,
                has_to_run=part.get("restart") != "no",
            )
        )

    def _start_database(self, container: Container) -> None:
        settings = container.part["environment"]
        database = PostgresCluster(
            self.directory / container.name, port=container.ports[5432], password=settings["POSTGRES_PASSWORD"]
        )
        self._databases[container.service] = database
        database.start()
        # what the image does at its first start with these variables
        if user := settings.get("POSTGRES_USER"):
            database.create_role(user, settings["POSTGRES_PASSWORD"])
            database.create_database(settings["POSTGRES_DB"], user)

    def _wait(self, container: Container) -> None:
        """Wait for what others depend on: the end of a service that ends, else its health."""
        deadline = time.monotonic() + START_SECONDS
        if container.part.get("restart") == "no":
            running = self.supervisor.running(container.name)
            running.wait_until(lambda: running.exit_code is not None, START_SECONDS)
            if running.exit_code:
                raise StackError(f"{container.name} ended with code {running.exit_code}:\n{running.log_tail(40)}")
            return
        if container.part["image"].startswith(("chrislusf/", "axllent/")):
            return
        while not self.is_healthy(container.name):
            if time.monotonic() > deadline or self.supervisor.stopping.is_set():
                log = (self.log_folder / f"{container.name}.log").read_text(errors="replace")[-4000:]
                raise StackError(f"{container.name} was not healthy in {START_SECONDS:.0f} s:\n{log}")
            time.sleep(POLL_SECONDS)
