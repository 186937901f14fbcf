"""The restore's command line as a process of its own, with addresses in its environment and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

from local.nexus_database import RESTORE_ROLE
from tests.restore.scene import Scene
from tests.support.copies import own_include
from tests.support.installation import BUCKET

COMMAND = (sys.executable, "-m", "nexus_import.restore")
SECONDS = 120


def environment(scene: Scene, **changes: str) -> dict[str, str]:
    """Return what the command needs to know; `changes` win. The policy names the scene's own prefix."""
    installation = scene.installation
    if not scene.include.exists():
        with own_include(scene.include.parent, storage={"prefix": scene.store.prefix}):
            pass
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": "plugins",
        "NEXUS_RESTORE_DB_URI": installation.database.uri(RESTORE_ROLE),
        "S3_ENDPOINT": installation.parts.s3_url,
        "S3_BUCKET": BUCKET,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "ap-southeast-2",
        "NEXUS_IMPORT_INCLUDE": str(scene.include),
    } | changes


def start(scene: Scene, *arguments: str, **changes: str) -> subprocess.Popen[str]:
    """Start the command."""
    return subprocess.Popen(
        [*COMMAND, *arguments],
        env=environment(scene, **changes),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(scene: Scene, *arguments: str, typed: str = "", **changes: Any) -> tuple[int, str]:
    """Run the command to its end; return its exit code and what it said."""
    process = start(scene, *arguments, **changes)
    said, _ = process.communicate(typed, timeout=SECONDS)
    return process.returncode, said
