"""A FileMaker Data API server without FileMaker: real HTTP, real error codes, faults on demand.

Standard library only. Runs alone (`python -m local.simulator --data DIR`) or inside a test
(`with Simulator.from_dataset(...) as sim`). It imports nothing from the rest of the project.
"""

from __future__ import annotations

from local.simulator.server import Simulator

__all__ = ["Simulator"]
