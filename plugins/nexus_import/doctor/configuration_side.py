"""The doctor's look at what was decided in writing: policy, mapping files and schedule."""

from __future__ import annotations

from datetime import datetime, timedelta

from croniter import croniter

from nexus_import import clock
from nexus_import.core.approval import is_within_publish_window
from nexus_import.core.doctor import Item, bad, good, next_slots, wall_clock_slips, warning
from nexus_import.doctor.asking import Examination
from nexus_import.errors import ConfigurationError
from nexus_import.nexus.checks import known_checks
from nexus_import.settings import Parameters, Settings, policy_file, read_policy


class ConfigurationSide:
    """Looks at the files of one configuration; `settings` is known when the policy is well."""

    def __init__(self, configuration: str) -> None:
        self.configuration = configuration
        self.settings: Settings | None = None

    def examine(self, examination: Examination) -> None:
        """Read the files; what comes later needs them."""
        examination.look("policy", self._read_policy)
        examination.look("mapping files", self._read_mappings, "policy")
        examination.look("schedule", self._schedule, "policy")

    def _read_policy(self) -> Item:
        policy = read_policy(self.configuration, known_checks())
        self.settings = Settings(policy, Parameters(configuration=self.configuration))
        relaxed = len(policy.severity) + len(policy.allowances)
        return good("policy", f"{policy_file(self.configuration).name} is valid and relaxes {relaxed} checks")

    def _read_mappings(self) -> Item:
        settings = _known(self.settings)
        settings.require_agreement()
        return good("mapping files", f"valid: {', '.join(settings.mappings)}")

    def _schedule(self) -> Item:
        policy = _known(self.settings).policy
        schedule, zone, name = policy.schedule, policy.zone, "schedule"
        if not croniter.is_valid(schedule.cron):
            return bad(name, f"'{schedule.cron}' is no cron expression", "correct schedule: cron in the policy")
        first, second = next_slots(schedule.cron, zone, clock.now())
        seen = (
            f"next {_told(first)} {policy.time_zone}, then {_told(second)}; to start within "
            f"{schedule.launch_window_minutes} minutes"
        )
        if slips := wall_clock_slips(schedule.cron, zone, clock.now()):
            fix = "choose an hour that daylight saving leaves alone (not 02:00 to 03:00 in Sydney)"
            return warning(name, f"{seen}; {', '.join(slips)}", fix)
        last = first + timedelta(minutes=schedule.launch_window_minutes)
        if schedule.mode == "publish" and not all(
            is_within_publish_window(at, schedule.publish_window) for at in (first, last)
        ):
            window = " to ".join(schedule.publish_window)
            fix = "move schedule: cron into schedule: publish_window, or widen the window"
            return warning(name, f"{seen}: outside the publish window {window}, so a person is asked each time", fix)
        return good(name, seen)


def _known(settings: Settings | None) -> Settings:
    if settings is None:
        raise ConfigurationError("the policy could not be read")
    return settings


def _told(slot: datetime) -> str:
    return f"{slot:%A %Y-%m-%d %H:%M %Z}"
