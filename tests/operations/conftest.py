"""Fixtures of the operations' tests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def recorded(parts: Any, dag: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A run that was published, with everything it wrote and everything it asked of S3.

    Its connections come from a secrets backend: a file, as others keep them in Vault or AWS Secrets Manager.
    """
    from tests.operations.recording import record_run

    with ExitStack() as stack:
        yield record_run(stack, parts, dag, tmp_path_factory.mktemp("recorded"))


@pytest.fixture
def pooler(parts: Any, tmp_path: Path) -> Iterator[Any]:
    """PgBouncer before the cluster of Nexus."""
    from tests.support.pooler import find_pooler, start_pooler

    if find_pooler() is None:
        pytest.skip("pgbouncer is not installed")
    with start_pooler(tmp_path, parts.cluster, parts.template.passwords) as started:
        yield started


@pytest.fixture
def through_pooler(installation: Any, pooler: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The test's installation; the import's two connections go through PgBouncer and TLS, the restore's does not."""
    for name in ("AIRFLOW_CONN_NEXUS_DB", "AIRFLOW_CONN_NEXUS_DB_BACKUP"):
        connection = json.loads(installation.environment()[name])
        tls = {"sslmode": "verify-full", "sslrootcert": str(pooler.ca_file)}
        monkeypatch.setenv(name, json.dumps(connection | {"port": pooler.port, "extra": tls}))
    return installation
