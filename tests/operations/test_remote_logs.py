"""Task logs are kept in the bucket by Airflow's own handler, with the settings that docs/operations.md gives."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.support.installation import BUCKET, Installation

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "operations.md"
LINE = "Phase 3: ✅ Imported 28 patients, 0 errors (0.1 s)"
NAME = "dag_id=filemaker_import/run_id=manual__1/task_id=phase_3_patients.import_patients/attempt=1.log"
SUPERVISOR = """
import sys
from types import SimpleNamespace
from airflow.sdk.log import load_remote_log_handler, upload_to_remote
with open(sys.argv[1], "a", encoding="utf-8") as file:
    upload_to_remote(SimpleNamespace(_logger=SimpleNamespace(_file=file)))
_, lines = load_remote_log_handler().read(sys.argv[2], None)
print("".join(str(line) for line in lines or []))
"""
"""What the process that watches over a task does when the task has ended, and the API server when somebody looks."""


def documented() -> dict[str, str]:
    """Return the settings as the document gives them."""
    text = DOCUMENT.read_text(encoding="utf-8")
    return dict(re.findall(r"^(AIRFLOW__LOGGING__\w+)=(\S+)$", text, re.MULTILINE))


def test_log_of_a_task_appears_in_the_bucket_and_is_read_from_there(installation: Installation, tmp_path: Path) -> None:
    settings = documented()
    assert settings["AIRFLOW__LOGGING__REMOTE_LOG_CONN_ID"] == "nexus_s3"
    logs = tmp_path / "logs"
    file = logs / NAME
    file.parent.mkdir(parents=True)
    file.write_text(f"{LINE}\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", SUPERVISOR, str(file), NAME],
        env={
            "PATH": os.environ["PATH"],
            "AIRFLOW_HOME": str(tmp_path),
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(logs),
            **{name: value.replace("BUCKET", BUCKET) for name, value in settings.items()},
            **installation.environment(),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    key = f"airflow-logs/{NAME}"
    assert installation.s3().get_object(Bucket=BUCKET, Key=key)["Body"].read().decode() == f"{LINE}\n"
    assert LINE in done.stdout
