"""A FileMaker Data API server without FileMaker: real HTTP, real error codes, faults on demand.

Standard library only. Runs alone (`python -m local.simulator --data DIR`) or inside a test
(`with Simulator.from_dataset(...) as sim`). The folder works under any name: its imports are relative, and it knows
nothing of the project around it. Rooms, each using only those above it:

    wire       HTTP: connections, bodies, answers, downloads
    data       databases, layouts, tables, fields, values, and the files they are read from
    behaviour  faults and variants by name
    finding    finds: criteria and the records that meet them
    sessions   log-ins, tokens, hosted files
    api        the Data API: every call, from its request to its answer

`control` and `controlapi` switch it while it runs, `server` ties all together, `options` is the command line.
"""

from __future__ import annotations

from .server import Simulator

__all__ = ["Simulator"]
