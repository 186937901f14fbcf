"""What a store holds after a walk, and what the server has."""

from __future__ import annotations

from nexus_import.filemaker.client import FileMakerClient
from nexus_import.filemaker.walk import LayoutWalk

from local.simulator import Simulator

from .conftest import KEYED


def read_out(walk: LayoutWalk) -> dict[str, dict[str, object]]:
    """Return fields by record id as a store would hold them: later pages replace, vanished ids are dropped."""
    held = {record.record_id: record.fields for page in walk for record in page.records}
    for record_id in walk.summary.vanished_record_ids:
        del held[record_id]
    return held


def live(client: FileMakerClient, layout: str) -> dict[str, dict[str, object]]:
    return {record.record_id: record.fields for record in client.get_records(layout, limit=100_000).records}


def fill(simulator: Simulator, keys: list[str]) -> list[str]:
    return [simulator.control.insert_record(KEYED, {"id": key, "note": "x"}) for key in keys]
