"""Policy, parameters, mapping and connection ids in one validated object, read when a task starts."""

from __future__ import annotations

import re
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
from pydantic_core import ErrorDetails

from nexus_import.core.data_policy import DataPolicy, Fate, NexusOnly, Treatment
from nexus_import.core.mapping import EntityMapping, load_mappings
from nexus_import.core.nearest import nearest
from nexus_import.core.policy_rules import mistakes
from nexus_import.errors import ConfigurationError
from nexus_import.nexus.checks import PROTECTIVE_CHECKS, known_checks
from nexus_import.nexus.sql import include_folder

Mode = Literal["rehearse", "publish"]
Approval = Literal["when_unusual", "always"]
Severity = Literal["stop", "warn"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Connections(_Strict):
    """Ids of the Airflow connections."""

    nexus: str = "nexus_db"
    backup: str = "nexus_db_backup"
    restore: str = "nexus_db_restore"
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
    tables: dict[str, Treatment]
    nexus_only_tables: dict[str, NexusOnly] = Field(default_factory=dict)
    nexus_only_rows: dict[str, Fate]
    vanished: dict[str, Fate]
    set_null: tuple[str, ...] = ()
    plain_links: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    content_types: dict[str, str]
    side_effects: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    generic_links: dict[str, tuple[tuple[str, ...], ...]] = Field(default_factory=dict)

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError(f"there is no time zone '{name}'")
        return name

    @field_validator("plain_links", mode="before")
    @classmethod
    def _one_table_or_several(cls, links: Any) -> Any:
        if not isinstance(links, dict):
            return links
        return {name: (tables,) if isinstance(tables, str) else tables for name, tables in links.items()}

    @property
    def copied_tables(self) -> list[str]:
        """The tables of the working copy."""
        return self.data_policy().copied_tables

    def data_policy(self, nexus_only: NexusOnly = "keep") -> DataPolicy:
        """Return what the policy says about tables, for a run with this parameter."""
        return DataPolicy(
            self.tables,
            nexus_only,
            self.nexus_only_tables,
            self.nexus_only_rows,
            self.vanished,
            self.set_null,
            self.plain_links,
            self.content_types,
            self.side_effects,
            self.generic_links,
        )

    @property
    def zone(self) -> ZoneInfo:
        """The clinic's wall time."""
        return ZoneInfo(self.time_zone)


class Parameters(_Strict):
    """What the person who triggers a run may choose."""

    mode: Mode = "rehearse"
    approval: Approval = "when_unusual"
    nexus_only: NexusOnly = "keep"


class RestoreParameters(_Strict):
    """What the person who restores a backup, or undoes a publish, may choose."""

    backup: str = Field(default="newest", min_length=1)
    undo: str | None = Field(default=None, min_length=1)
    scope: Literal["patient_data", "everything"] = "patient_data"
    mode: Literal["rehearse", "restore"] = "rehearse"
    without_backup: bool = False

    @classmethod
    def load(cls, parameters: Mapping[str, Any]) -> RestoreParameters:
        """Check the parameters of a restore; raise `ConfigurationError` naming the first mistake."""
        try:
            chosen = cls.model_validate({name: parameters[name] for name in cls.model_fields if name in parameters})
        except ValidationError as error:
            raise ConfigurationError(_first_mistake("parameters", error, cls)) from error
        if mistake := chosen.contradiction():
            raise ConfigurationError(f"parameters: {mistake}")
        return chosen

    def contradiction(self) -> str | None:
        """Return why these choices do not go together, None when they do."""
        if self.undo is None:
            return None
        if self.backup != "newest":
            return (
                f"undo {self.undo} and backup {self.backup} cannot both be chosen: either a publish is undone or a "
                "backup is put back. Leave backup at newest, or undo empty."
            )
        if self.scope == "everything":
            return (
                "an undo takes back the rows that one publish wrote, and these are patient data: choose the scope "
                "patient_data, or restore a backup."
            )
        if self.without_backup:
            return (
                "an undo takes no backup first, as it loses nothing that FileMaker or staff have written: "
                "leave without_backup off."
            )
        return None


@dataclass(frozen=True)
class Settings:
    """Everything a task is told: the policy and the parameters of this run."""

    policy: Policy
    parameters: Parameters

    @cached_property
    def data_policy(self) -> DataPolicy:
        """What the policy says about tables, with this run's parameter."""
        return self.policy.data_policy(self.parameters.nexus_only)

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
        _require_severities(policy)
        if run_type == "scheduled":
            parameters = policy.schedule.model_dump(include={"mode", "approval", "nexus_only"})
        known = {name: parameters[name] for name in Parameters.model_fields if name in parameters}
        try:
            return cls(policy, Parameters.model_validate(known))
        except ValidationError as error:
            raise ConfigurationError(_first_mistake("parameters", error, Parameters)) from error


def read_policy() -> Policy:
    """Return this installation's policy."""
    return load_policy(include_folder() / "policy.yaml")


def load_policy(path: Path) -> Policy:
    """Read and check the policy file; raise `ConfigurationError` naming the first mistake."""
    try:
        policy = Policy.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path.name} cannot be read: {error}") from error
    except ValidationError as error:
        raise ConfigurationError(_first_mistake(path.name, error, Policy)) from error
    for key, mistake in mistakes(policy.data_policy(), policy.preserved):
        raise ConfigurationError(f"{path.name}: {key}: {mistake}")
    return policy


def _require_severities(policy: Policy) -> None:
    known = known_checks()
    for check_id, severity in policy.severity.items():
        if check_id not in known:
            raise ConfigurationError(
                f"policy.yaml: severity.{check_id}: there is no such check{nearest(check_id, known)}"
            )
        if severity == "warn" and (instead := PROTECTIVE_CHECKS.get(check_id)):
            raise ConfigurationError(
                f"policy.yaml: severity.{check_id}: 'warn' is impossible: this check keeps rows from being lost "
                f"unseen. Take the line out; for each thing that it names {instead}."
            )


def _first_mistake(source: str, error: ValidationError, model: type[BaseModel]) -> str:
    first = error.errors()[0]
    return f"{source}: {'.'.join(str(part) for part in first['loc'])}: {_in_words(first, model)}"


def _in_words(mistake: ErrorDetails, model: type[BaseModel]) -> str:
    if mistake["type"] == "extra_forbidden":
        for part in mistake["loc"][:-1]:
            annotation = model.model_fields[str(part)].annotation
            model = annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else model
        known = [field.alias or name for name, field in model.model_fields.items()]
        return f"there is no such key{nearest(str(mistake['loc'][-1]), known)}"
    if mistake["type"] == "literal_error":
        allowed = re.findall(r"'([^']+)'", mistake["ctx"]["expected"])
        return f"'{mistake['input']}' is none of {', '.join(allowed)}{nearest(str(mistake['input']), allowed)}"
    return mistake["msg"]
