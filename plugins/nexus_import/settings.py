"""Policy, parameters, mapping and connection ids in one validated object, read when a task starts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import time
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, cast
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from nexus_import.core import entities
from nexus_import.core.data_policy import DataPolicy, Fate, NexusOnly, Treatment
from nexus_import.core.mapping import EntityMapping, load_mappings
from nexus_import.core.nearest import nearest
from nexus_import.core.policy_rules import mistakes, unmapped
from nexus_import.core.yaml_files import Mistake, YamlFile, mistakes_in_words, require_none
from nexus_import.errors import ConfigurationError
from nexus_import.nexus.checks import PROTECTIVE_CHECKS, known_checks
from nexus_import.nexus.sql import include_folder

DEFAULT_CONFIGURATION = "default"
Mode = Literal["rehearse", "publish"]
Approval = Literal["when_unusual", "always"]
Severity = Literal["stop", "warn"]
# strict: YAML's `yes` is no number of records
Allowance = Annotated[int, Field(ge=0, strict=True)]


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
    application: str = "nexus_api"


class MailPolicy(_Strict):
    """Who writes to whom."""

    sender: str = Field(alias="from")
    to: list[str]


class SchedulePolicy(_Strict):
    """When the import runs by itself, and with which parameters."""

    cron: str
    configuration: str = DEFAULT_CONFIGURATION
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


class ProbePolicy(_Strict):
    """How much the application is asked over HTTP after a publish."""

    patients: int = Field(default=25, ge=1)
    budget_seconds: float = Field(default=300, gt=0)


class RetentionPolicy(_Strict):
    """For how many days things are kept that only serve to look back or to go back; what is newest stays."""

    backup_days: int = Field(ge=1)
    snapshot_days: int = Field(ge=1)
    working_copy_days: int = Field(ge=1)
    undo_days: int = Field(ge=1)


class Policy(_Strict):
    """`include/policy.yaml`, or `include/policy.<configuration>.yaml` based on it."""

    connections: Connections
    operators: list[str] = Field(min_length=1)
    support_contact: str
    mail: MailPolicy
    time_zone: str
    schedule: SchedulePolicy
    thresholds: Thresholds
    approval_timeout_hours: float = Field(gt=0)
    approval_reminder_hours: float = Field(default=4, gt=0)
    storage: StoragePolicy
    probes: ProbePolicy = Field(default_factory=ProbePolicy)
    retention: RetentionPolicy
    working_copy_limit_gib: float = Field(gt=0)
    conflicts: Literal["filemaker", "nexus", "stop"]
    severity: dict[str, Severity]
    allowances: dict[str, Allowance] = Field(default_factory=dict)
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
    """What the person who triggers a run may choose.

    `configuration` names the policy and the mapping files that are used.
    """

    configuration: str = DEFAULT_CONFIGURATION
    mode: Mode = "rehearse"
    approval: Approval = "when_unusual"
    nexus_only: NexusOnly = "keep"


class RestoreParameters(_Strict):
    """What the person who restores a backup, or undoes a publish, may choose.

    `configuration` names the policy, which says what patient data are.
    """

    backup: str = Field(default="newest", min_length=1)
    undo: str | None = Field(default=None, min_length=1)
    scope: Literal["patient_data", "everything"] = "patient_data"
    mode: Literal["rehearse", "restore"] = "rehearse"
    without_backup: bool = False
    configuration: str = DEFAULT_CONFIGURATION

    @classmethod
    def load(cls, parameters: Mapping[str, Any]) -> RestoreParameters:
        """Check the parameters of a restore; raise `ConfigurationError` naming every mistake."""
        try:
            chosen = cls.model_validate(dict(parameters))
        except ValidationError as error:
            raise _refuse("parameters", error, cls) from error
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
        return load_mappings(mapping_folder(self.parameters.configuration))

    def severity(self, check_id: str, default: str) -> str:
        """Return the severity of a check: the policy's, else the check's own."""
        return self.policy.severity.get(check_id, default)

    def allowance(self, check_id: str, default: int = 0) -> int:
        """Return how many findings of a check the policy tolerates."""
        return self.policy.allowances.get(check_id, default)

    def imported(self) -> list[EntityMapping]:
        """Return the mappings that fill a table, in the order of the sequence."""
        return [self.mappings[entity] for entity in entities.IMPORTED if entity in self.mappings]

    def read_mappings(self) -> list[EntityMapping]:
        """Return the mappings whose layout is read; the records of the others are read with theirs."""
        return [mapping for mapping in self.mappings.values() if mapping.records_of is None]

    @classmethod
    def load(cls, parameters: Mapping[str, Any], run_type: str = "manual") -> Settings:
        """Read the policy and check the parameters; a scheduled run takes them from the policy."""
        if run_type == "scheduled":
            parameters = read_policy().schedule.model_dump(include=set(Parameters.model_fields))
        try:
            # also a name that nobody knows: a misspelt one would leave the parameter at its default, unsaid
            chosen = Parameters.model_validate(dict(parameters))
        except ValidationError as error:
            raise _refuse("parameters", error, Parameters) from error
        settings = cls(read_policy(chosen.configuration, known_checks()), chosen)
        settings.require_agreement()
        return settings

    def require_agreement(self) -> None:
        """Raise `ConfigurationError` unless policy and mapping files speak of the same tables."""
        for entity in entities.REQUIRED:
            if entity not in self.mappings:
                folder = mapping_folder(self.parameters.configuration)
                raise ConfigurationError(f"{folder} has no {entity}.yaml, without which nothing can be imported")
        mapped = {mapping.table: mapping.entity for mapping in self.imported() if mapping.table}
        file = policy_file(self.parameters.configuration).name
        require_none(Mistake(f"{file}: {key}", what) for key, what in unmapped(self.data_policy, mapped))


def configurations() -> list[str]:
    """Return the names of the configurations of this installation: those that have a policy file of their own."""
    own = [path.name.split(".")[1] for path in include_folder().glob("policy.*.yaml")]
    return [DEFAULT_CONFIGURATION, *sorted(own)]


def configurations_in_words() -> str:
    """Say for a form where each configuration is written down."""
    others = [name for name in configurations() if name != DEFAULT_CONFIGURATION]
    places = [f"{name}: include/mapping/{name} and include/policy.{name}.yaml." for name in others]
    return " ".join([f"{DEFAULT_CONFIGURATION}: include/mapping and include/policy.yaml.", *places])


def policy_file(configuration: str) -> Path:
    """Return the policy file of a configuration; raise `ConfigurationError` when there is no such configuration."""
    known = configurations()
    if configuration not in known:
        raise ConfigurationError(
            f"parameters: configuration: there is no configuration '{configuration}'{nearest(configuration, known)}"
        )
    own = "" if configuration == DEFAULT_CONFIGURATION else f".{configuration}"
    return include_folder() / f"policy{own}.yaml"


def mapping_folder(configuration: str) -> Path:
    """Return the folder of a configuration's mapping files."""
    folder = include_folder() / "mapping"
    return folder if configuration == DEFAULT_CONFIGURATION else folder / configuration


def read_policy(configuration: str = DEFAULT_CONFIGURATION, checks: Collection[str] | None = None) -> Policy:
    """Return this installation's policy, or that of another configuration."""
    return load_policy(policy_file(configuration), checks)


def load_policy(path: Path, checks: Collection[str] | None = None) -> Policy:
    """Read and check the policy file; raise `ConfigurationError` naming every mistake.

    `checks` are the ids under which a severity may stand; None leaves them unproven. A file that is `based_on`
    another one says only what is different there.
    """
    file = YamlFile.read(path)
    if isinstance(file.content, dict) and (base := file.content.pop("based_on", None)):
        file = file.on_top_of(YamlFile.read(path.parent / str(base)))
    policy, found = file.validate(Policy)
    if policy is not None:
        found += [file.places.mistake(key, what) for key, what in mistakes(policy.data_policy(), policy.preserved)]
        found += [
            file.places.mistake(f"{section}.{check_id}", f"there is no such check{nearest(check_id, checks)}")
            for section, named in (("severity", policy.severity), ("allowances", policy.allowances))
            for check_id in named
            if checks is not None and check_id not in checks
        ]
        found += [file.places.mistake(key, what) for key, what in _relaxed_protections(policy)]
    require_none(found)
    return cast(Policy, policy)


def _relaxed_protections(policy: Policy) -> Iterator[tuple[str, str]]:
    relaxed = [("severity", check_id, "'warn'") for check_id, word in policy.severity.items() if word == "warn"]
    relaxed += [("allowances", check_id, f"'{number}'") for check_id, number in policy.allowances.items()]
    for section, check_id, word in relaxed:
        if instead := PROTECTIVE_CHECKS.get(check_id):
            yield (
                f"{section}.{check_id}",
                f"{word} is impossible: this check keeps rows from being lost unseen. Take the line out; for each "
                f"thing that it names {instead}.",
            )


def _refuse(source: str, error: ValidationError, model: type[BaseModel]) -> ConfigurationError:
    return ConfigurationError("\n".join(f"{source}: {key}: {what}" for key, what in mistakes_in_words(error, model)))
