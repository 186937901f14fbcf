"""Where the installation keeps what it decided: policy, mapping and SQL."""

from __future__ import annotations

import os
from pathlib import Path


def include_folder() -> Path:
    """Return the folder `include/`: NEXUS_IMPORT_INCLUDE, else beside `plugins/`."""
    return Path(os.environ.get("NEXUS_IMPORT_INCLUDE") or Path(__file__).parents[3] / "include")
