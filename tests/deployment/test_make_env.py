"""deploy/make_env.py: what a person gets who has nothing but Docker and Python."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from cryptography.fernet import Fernet

from tests.deployment.composefile import REPOSITORY, read, read_env


def make(file: Path, *options: str) -> subprocess.CompletedProcess[str]:
    # -S -E: without the packages of this project's environment
    command = (sys.executable, "-S", "-E", "deploy/make_env.py", "--file", str(file), *options)
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)


def test_a_demo_has_everything(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    assert make(file, "--demo").returncode == 0
    found = read_env(file)
    read(found)
    assert [name for name, value in found.items() if not value] == ["SMTP_USER", "SMTP_PASSWORD"]
    secrets = [value for value in found.values() if len(value) > 40]
    assert len(secrets) == len(set(secrets)) >= 10
    Fernet(found["AIRFLOW_FERNET_KEY"])
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_deployment_gets_its_own_secrets_and_is_told_what_to_fill_in(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    done = make(first)
    make(second)
    ours, others = read_env(first), read_env(second)
    for name in ("AIRFLOW_FERNET_KEY", "AIRFLOW_API_SECRET", "AIRFLOW_JWT_SECRET", "AIRFLOW_ADMIN_PASSWORD"):
        assert ours[name]
        assert ours[name] != others[name]
    assert "#" not in "".join(ours.values())
    # Nexus, FileMaker and S3 have theirs already
    assert [ours[name] for name in ("NEXUS_IMPORT_PASSWORD", "FILEMAKER_PASSWORD", "S3_SECRET_ACCESS_KEY")] == [""] * 3
    assert "NEXUS_IMPORT_PASSWORD" in done.stdout
    assert ours["NEXUS_DB_SSLMODE"] == "verify-full"


def test_an_older_file_is_never_written_over(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    make(file)
    before = file.read_bytes()
    done = make(file, "--demo")
    assert done.returncode == 1
    assert "is there already" in done.stderr
    assert file.read_bytes() == before
