"""All defects, by phase."""

from __future__ import annotations

from tests.sql.defects import Defects, phase_0, phase_2, phase_3, phase_4, phase_5, phase_6, phase_7, phase_8

PHASES: dict[str, Defects] = {
    module.PHASE: module.DEFECTS for module in (phase_0, phase_2, phase_3, phase_4, phase_5, phase_6, phase_7, phase_8)
}
