"""Policy, parameters, mapping and connection ids in one validated object, read when a task starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, available_timezones

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from nexus_import.core.mapping import EntityMapping, load_mappings
from nexus_import.errors import ConfigurationError
from nexus_import.nexus.sql import include_folder

Mode = Literal["rehearse", "publish"]
Approval = Literal["when_unusual", "always"]
NexusOnly = Literal["keep", "delete"]
Severity = Literal["stop", "warn"]
TablePolicy = Literal["imported", "relinked", "cascades", "kept", "untouched"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Connections(_Strict):
    """Ids of the Airflow connections."""

    nexus: str = "nexus_db"
    backup: str = "nexus_db_backup"
    filemaker: str = "filemaker_default"
    storage: str = "nexus_s3"
    mail: str = "smtp_default"


class MailPolicy(_Strict):
    """Who writes to whom."""

    sender: str = Field(alias="from")
    to: list[str]


class SchedulePolicy(_Strict):
    """When the import runs by itself, and with which parameters."""

    cron: str
    mode: Mode
    approval: Approval
    nexus_only: NexusOnly
    launch_window_minutes: int = Field(ge=1)
    publish_window: tuple[str, str]

    @field_validator("publish_window")
    @classmethod
    def _are_times(cls, window: tuple[str, str]) -> tuple[str, str]:
        for part in window:
            time.fromisoformat(part)
        return window


class Thresholds(_Strict):
    """Percentages of patients or appointments above which a person is asked."""

    removed_percent: float = Field(ge=0)
    added_percent: float = Field(ge=0)
    changed_percent: float = Field(ge=0)


class StoragePolicy(_Strict):
    """Where objects are; `file_prefixes` are the folders of Nexus's own documents and images."""

    prefix: str
    encryption: str
    file_prefixes: list[str] = Field(min_length=1)
    sampled_downloads: int = Field(ge=1)

    @model_validator(mode="after")
    def _folders_do_not_overlap(self) -> StoragePolicy:
        folders = sorted([f"{self.prefix}/", *self.file_prefixes])
        for first, second in pairwise(folders):
            if not first.endswith("/") or not second.endswith("/"):
                raise ValueError(f"file_prefixes are folders and end with /: {', '.join(self.file_prefixes)}")
            if second.startswith(first):
                raise ValueError(f"the folder {second} lies in {first}: its objects would be listed twice")
        return self


class RetentionPolicy(_Strict):
    """For how many days things are kept that only serve to look back or to go back; what is newest stays."""

    backup_days: int = Field(ge=1)
    snapshot_days: int = Field(ge=1)
    working_copy_days: int = Field(ge=1)
    undo_days: int = Field(ge=1)


class Policy(_Strict):
    """`include/policy.yaml`."""

    connections: Connections
    operators: list[str] = Field(min_length=1)
    support_contact: str
    mail: MailPolicy
    time_zone: str
    schedule: SchedulePolicy
    thresholds: Thresholds
    approval_timeout_hours: float = Field(gt=0)
    storage: StoragePolicy
    retention: RetentionPolicy
    working_copy_limit_gib: float = Field(gt=0)
    conflicts: Literal["filemaker", "nexus", "stop"]
    severity: dict[str, Severity]
    unlinkable_allowed: int = Field(ge=0)
    preserved: dict[str, list[str]]
    tables: dict[str, TablePolicy]

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError(f"there is no time zone '{name}'")
        return name

    @property
    def copied_tables(self) -> list[str]:
        """The tables of the working copy: all that are declared, but for those that are never touched."""
        return [table for table, policy in self.tables.items() if policy != "untouched"]

    @property
    def zone(self) -> ZoneInfo:
        """The clinic's wall time."""
        return ZoneInfo(self.time_zone)


class Parameters(_Strict):
    """What the person who triggers a run may choose."""

    mode: Mode = "rehearse"
    approval: Approval = "when_unusual"
    nexus_only: NexusOnly = "keep"


@dataclass(frozen=True)
class Settings:
    """Everything a task is told: the policy and the parameters of this run."""

    policy: Policy
    parameters: Parameters

    @cached_property
    def mappings(self) -> dict[str, EntityMapping]:
        """The mapping files by entity, read once."""
        return load_mappings(include_folder() / "mapping")

    def severity(self, check_id: str, default: str) -> str:
        """Return the severity of a check: the policy's, else the check's own."""
        return self.policy.severity.get(check_id, default)

    def imported(self) -> list[EntityMapping]:
        """Return the mappings that fill a table, in the order of the sequence."""
        order = ("patient", "appointment", "note", "letter", "reminder")
        return [self.mappings[entity] for entity in order if entity in self.mappings]

    @classmethod
    def load(cls, parameters: Mapping[str, Any], run_type: str = "manual") -> Settings:
        """Read the policy and check the parameters; a scheduled run takes them from the policy."""
        policy = read_policy()
        if run_type == "scheduled":
            parameters = policy.schedule.model_dump(include={"mode", "approval", "nexus_only"})
        known = {name: parameters[name] for name in Parameters.model_fields if name in parameters}
        try:
            return cls(policy, Parameters.model_validate(known))
        except ValidationError as error:
            raise ConfigurationError(_first_mistake("parameters", error)) from error


def read_policy() -> Policy:
    """Return this installation's policy."""
    return load_policy(include_folder() / "policy.yaml")


def load_policy(path: Path) -> Policy:
    """Read and check the policy file; raise `ConfigurationError` naming the first mistake."""
    try:
        return Policy.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path.name} cannot be read: {error}") from error
    except ValidationError as error:
        raise ConfigurationError(_first_mistake(path.name, error)) from error


def _first_mistake(source: str, error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{source}: {'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
