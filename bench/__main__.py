"""How near our import is to what PostgreSQL and FileMaker allow, and how far from the requirement's own algorithm.

Everything runs here and now, on one machine, one approach after the other, round by round: trust the ratios. The rows
and links of each approach are checked before its figures are believed.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.checking import Truth
from bench.limits import CopyLimit, measure_copy_out
from bench.window import Watch, Window
from bench.world import Measured, describe_machine, fresh_nexus, make_empty_nexus, run_ours, run_seed
from tests.support.installation import Parts, start_parts

LAST_TASK = "publish.verify_live"
FETCHED = "phase_0_validate.fetch_appointments"
LATENCY_SECONDS = 0.2
PAGE_RECORDS = 1000
LOAD_TASKS = ("phase_3_patients.import_patients", "phase_4_appointments.import_appointments")
BACKUP_TASK = "phase_0_validate.back_up_database"
SAMPLE_RECORDS = 300
RATIOS = (
    "load_over_limit",
    "seed_over_ours",
    "backup_over_limit",
    "fetch_over_floor",
    "memory_above_idle_mib",
    "reader_wait_ms",
    "reader_gap_ms",
    "writer_wait_ms",
)


@dataclass
class Results:
    """Each figure once a round; seconds unless the name says otherwise. The seed is measured once."""

    ours: list[Measured] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    load_limit: list[float] = field(default_factory=list)
    backup_limit: list[float] = field(default_factory=list)
    fetch: list[float] = field(default_factory=list)
    fetch_floor: float = 0.0
    seed: Measured | None = None
    is_seed_sampled: bool = False

    def steps(self) -> dict[str, float]:
        """Return the median seconds of each of our tasks, without what is FileMaker's or a person's time."""
        names = self.ours[0].seconds
        return {name: statistics.median(one.seconds[name] for one in self.ours) for name in names}

    def ratios(self) -> dict[str, float | None]:
        """Return the figures that are held against the targets; None for what was not measured."""
        steps = self.steps()
        found: dict[str, float | None] = dict.fromkeys(RATIOS)
        load = [sum(one.seconds[name] for name in LOAD_TASKS) for one in self.ours]
        found["load_over_limit"] = _median_ratio(load, self.load_limit)
        found["backup_over_limit"] = _median_ratio([one.seconds[BACKUP_TASK] for one in self.ours], self.backup_limit)
        if self.fetch:
            found["fetch_over_floor"] = statistics.median(self.fetch) / self.fetch_floor
        if self.seed:
            found["seed_over_ours"] = sum(self.seed.seconds.values()) / sum(steps.values())
        found["memory_above_idle_mib"] = max(one.peak_mib - one.idle_mib for one in self.ours)
        for name in ("reader_wait_ms", "reader_gap_ms", "writer_wait_ms"):
            found[name] = statistics.median(getattr(one, name) for one in self.windows)
        return found


def _median_ratio(ours: list[float], limit: list[float]) -> float:
    """Return the median of the ratios of the rounds: a round's two figures met the same machine."""
    return statistics.median(mine / least for mine, least in zip(ours, limit, strict=True))


class Bench:
    """One clinic's measurements."""

    def __init__(self, parts: Parts, directory: Path) -> None:
        self.parts, self.log = parts, directory / "processes.log"
        self.truth = Truth(parts.clinic)
        self.results = Results()
        self.copy_limit = CopyLimit(parts.template.uri(), make_empty_nexus(parts, "copy_limit"), directory)

    def measure_round(self) -> None:
        """Measure our import and the limits once, one directly after the other."""
        self.results.backup_limit.append(measure_copy_out(self.parts.template.uri()))
        self.results.load_limit.append(self.copy_limit.measure())
        with fresh_nexus(self.parts) as installation:
            database = installation.database
            watch = Watch(database.uri(), database.cluster.uri(database.database))
            try:
                measured = run_ours(installation, self.log, until=LAST_TASK, on_publish=watch.start)
            finally:
                window = watch.stop()
            self.truth.require(installation.database.uri(), "our import")
        self.results.ours.append(measured)
        self.results.windows.append(window)

    def measure_fetch(self) -> None:
        """Measure the reading of patients and appointments from a FileMaker that is 200 ms away."""
        with fresh_nexus(self.parts) as installation:
            installation.simulator.control.set_faults(latency_ms=LATENCY_SECONDS * 1000)
            seconds = run_ours(installation, self.log, until=FETCHED).seconds
        self.results.fetch.append(sum(seconds[name] for name in _fetches(seconds)))
        counts = {"fetch_patients": len(self.truth.patients), "fetch_appointments": len(self.truth.appointments)}
        # a log-in, and every page: each is asked for by the last key of the one before it
        requests = sum(1 + math.ceil(counts[name.rpartition(".")[2]] / PAGE_RECORDS) for name in _fetches(seconds))
        self.results.fetch_floor = requests * LATENCY_SECONDS

    def measure_seed(self, sample: int | None) -> None:
        """Measure the requirement's algorithm, whole or on a sample of each loop."""
        self.results.is_seed_sampled = sample is not None
        with fresh_nexus(self.parts) as installation:
            self.results.seed = run_seed(installation, self.log, sample)
            if sample is None:
                self.truth.require(installation.database.uri(), "the requirement's algorithm", only_by_metadata=True)


def _fetches(seconds: dict[str, float]) -> list[str]:
    return [name for name in seconds if name.rpartition(".")[2] in {"fetch_patients", "fetch_appointments"}]


def table(results: Results) -> str:
    """Return the figures for a person."""
    lines = [f"{'step of our import':<48}{'seconds':>10}"]
    lines += [f"{name:<48}{seconds:>10.3f}" for name, seconds in results.steps().items()]
    lines.append(f"{'all of our import':<48}{sum(results.steps().values()):>10.3f}")
    lines.append(f"{'COPY of patients and appointments (limit)':<48}{statistics.median(results.load_limit):>10.3f}")
    lines.append(f"{'COPY of every table out (limit)':<48}{statistics.median(results.backup_limit):>10.3f}")
    if results.seed:
        sampled = ", sampled and scaled" if results.is_seed_sampled else ""
        lines += [f"{f'the seed: {name}{sampled}':<48}{s:>10.3f}" for name, s in results.seed.seconds.items()]
    lines += ["", f"{'figure':<48}{'value':>10}"]
    lines += [f"{name:<48}{'not taken' if v is None else f'{v:.2f}':>10}" for name, v in results.ratios().items()]
    return "\n".join(lines)


def as_json(results: Results, scale: float, machine: dict[str, Any]) -> dict[str, Any]:
    """Return everything that was measured."""
    measured = asdict(results)
    return {
        "scale": scale,
        "machine": machine,
        "ratios": results.ratios(),
        "steps": results.steps(),
        "rounds": measured,
    }


def main() -> None:
    """Measure, and say it."""
    parser = argparse.ArgumentParser(prog="bin/bench", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="multiple of the requirement's clinic (default 1)")
    parser.add_argument("--rounds", type=int, default=3, help="times everything but the seed is measured (default 3)")
    parser.add_argument("--without-seed", action="store_true", help="leave out the requirement's algorithm: minutes")
    parser.add_argument(
        "--seed-sample", type=int, help="records of each of its loops, scaled to all (default: all; 300 above scale 1)"
    )
    parser.add_argument("--without-fetch", action="store_true", help="leave out the FileMaker that is 200 ms away")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name, start_parts(Path(name), scale=options.scale) as parts:
        bench = Bench(parts, Path(name))
        machine = describe_machine(parts)
        try:
            for _ in range(options.rounds):
                bench.measure_round()
            if not options.without_fetch:
                bench.measure_fetch()
            if not options.without_seed:
                bench.measure_seed(options.seed_sample or (SAMPLE_RECORDS if options.scale > 1 else None))
        except BaseException:
            if bench.log.exists():
                print("\n".join(bench.log.read_text(errors="replace").splitlines()[-15:]), file=sys.stderr)
            raise
    print(json.dumps(as_json(bench.results, options.scale, machine)) if options.json else table(bench.results))


if __name__ == "__main__":
    main()
