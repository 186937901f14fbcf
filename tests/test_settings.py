"""The policy and the parameters: what is shipped is valid, and each mistake is named before anything is read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from nexus_import.errors import ConfigurationError
from nexus_import.nexus.checks import PROTECTIVE_CHECKS, known_checks
from nexus_import.settings import RestoreParameters, Settings, load_policy

from tests.support.copies import own_include

INCLUDE = Path(__file__).resolve().parents[1] / "include"
POLICY = yaml.safe_load((INCLUDE / "policy.yaml").read_text())


def policy_file(folder: Path, section: str | None = None, **changes: Any) -> Path:
    policy = {**POLICY, **changes} if section is None else {**POLICY, section: {**POLICY[section], **changes}}
    path = folder / "policy.yaml"
    path.write_text(yaml.safe_dump(policy))
    return path


def test_shipped_policy_is_valid_and_careful() -> None:
    policy = load_policy(INCLUDE / "policy.yaml")
    assert policy.schedule.nexus_only == "keep"
    assert policy.severity == {}
    assert policy.allowances == {}
    assert str(policy.zone) == "Australia/Sydney"


def test_every_table_of_the_policy_has_one_treatment() -> None:
    policy = load_policy(INCLUDE / "policy.yaml")
    assert not set(policy.tables) & set(policy.preserved)


@pytest.mark.parametrize(
    ("section", "changes", "where"),
    [
        (None, {"operators": []}, "operators"),
        (None, {"operator": ["admin"]}, "operator"),
        (None, {"conflicts": "newest"}, "conflicts"),
        (None, {"severity": {"phase_0/a": "ignore"}}, r"severity\.phase_0/a"),
        (None, {"operatos": ["admin"]}, r"operatos: there is no such key \(nearest: operators\)"),
        (None, {"conflicts": "filmaker"}, r"conflicts: 'filmaker' is none of .* \(nearest: filemaker\)"),
        ("tables", {"patients": "import"}, r"tables\.patients: 'import' is none of .* \(nearest: imported\)"),
        ("tables", {"patients": "kept"}, r"tables\.patients: 'kept' is impossible"),
        ("vanished", {"patients": "archived"}, r"vanished\.patients: 'archived' is none of .* \(nearest: archive\)"),
        ("nexus_only_rows", {"notes": "keep"}, r"nexus_only_rows\.notes: is none of patients, appointments"),
        (None, {"preserved": {"patients": []}}, r"preserved\.patients: is listed under tables too"),
        (None, {"plain_links": [1]}, "plain_links"),
        ("mail", {"form": "a@b.example"}, r"mail\.form: there is no such key \(nearest: from\)"),
        (None, {"allowances": {"phase_0/a": -1}}, r"allowances\.phase_0/a"),
        (None, {"allowances": {"phase_0/a": True}}, r"allowances\.phase_0/a"),
        (None, {"working_copy_limit_gib": 0}, "working_copy_limit_gib"),
        (None, {"time_zone": "Australia/Sidney"}, "time_zone"),
        ("thresholds", {"removed_percent": -1}, r"thresholds\.removed_percent"),
        ("thresholds", {"removed": 1}, r"thresholds\.removed"),
        ("schedule", {"mode": "simulate"}, r"schedule\.mode"),
        ("schedule", {"launch_window_minutes": 0}, r"schedule\.launch_window_minutes"),
        ("schedule", {"publish_window": ["22:00"]}, r"schedule\.publish_window"),
        ("schedule", {"publish_window": ["22:00", "25:00"]}, r"schedule\.publish_window"),
        ("connections", {"nexsus": "x"}, r"connections\.nexsus"),
        ("storage", {"sampled_downloads": 0}, r"storage\.sampled_downloads"),
    ],
)
def test_mistake_is_named_with_file_and_key(
    tmp_path: Path, section: str | None, changes: dict[str, Any], where: str
) -> None:
    load_policy(policy_file(tmp_path))
    with pytest.raises(ConfigurationError, match=rf"^policy\.yaml line \d+: {where}"):
        load_policy(policy_file(tmp_path, section, **changes))


def test_mistake_is_named_with_the_line_it_stands_in(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    shipped = (INCLUDE / "policy.yaml").read_text()
    path.write_text(shipped.replace("conflicts: filemaker", "conflicts: filmaker"))
    line = shipped.splitlines().index(next(text for text in shipped.splitlines() if text.startswith("conflicts:"))) + 1
    with pytest.raises(ConfigurationError, match=rf"^policy\.yaml line {line}: conflicts: 'filmaker' is none of"):
        load_policy(path)


def test_every_mistake_is_named_at_once(tmp_path: Path) -> None:
    wrong = policy_file(tmp_path, operatos=["admin"], conflicts="filmaker", severity={"phase_0/a": "ignore"})
    with pytest.raises(ConfigurationError) as caught:
        load_policy(wrong)
    first, *mistakes = str(caught.value).splitlines()
    assert first == "3 mistakes, correct them all:"
    assert {mistake.split(": ")[1] for mistake in mistakes} == {"operatos", "conflicts", "severity.phase_0/a"}
    with pytest.raises(ConfigurationError, match=r"2 mistakes.*\n.*tables\.patients: 'kept'.*\n.*preserved\.notes"):
        load_policy(policy_file(tmp_path, tables=POLICY["tables"] | {"patients": "kept"}, preserved={"notes": []}))


def test_file_that_is_missing_or_no_yaml_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"^policy\.yaml: cannot be read: "):
        load_policy(tmp_path / "policy.yaml")
    (tmp_path / "policy.yaml").write_text("operators: [unclosed")
    with pytest.raises(ConfigurationError, match=r"^policy\.yaml line 1: cannot be read as YAML: "):
        load_policy(tmp_path / "policy.yaml")
    (tmp_path / "policy.yaml").write_text(f"{(INCLUDE / 'policy.yaml').read_text()}\noperators: [somebody]\n")
    with pytest.raises(ConfigurationError, match=r"^policy\.yaml line \d+: operators: stands in line \d+ already"):
        load_policy(tmp_path / "policy.yaml")


def test_trigger_without_choices_rehearses_and_keeps() -> None:
    parameters = Settings.load({}).parameters
    assert (parameters.mode, parameters.approval, parameters.nexus_only) == ("rehearse", "when_unusual", "keep")


def test_person_chooses_and_a_schedule_takes_the_policys_choice() -> None:
    chosen = {"mode": "rehearse", "approval": "always", "nexus_only": "delete", "configuration": "default"}
    assert Settings.load(chosen).parameters.model_dump() == chosen
    scheduled = Settings.load(chosen, run_type="scheduled").parameters.model_dump()
    assert scheduled == {name: POLICY["schedule"][name] for name in chosen}


@pytest.mark.parametrize("name", ["mode", "approval", "nexus_only"])
def test_parameter_outside_its_choices_is_named(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^parameters: {name}: "):
        Settings.load({name: "maybe"})


def test_severity_is_the_policys_word_or_the_checks_own(tmp_path: Path) -> None:
    check = "phase_3/patients_have_clinic"
    with own_include(tmp_path, severity={check: "warn", "phase_2/vanished_notes": "stop"}):
        settings = Settings.load({})
    assert settings.severity(check, "stop") == "warn"
    assert settings.severity("phase_2/vanished_notes", "warn") == "stop"
    assert settings.severity("phase_4/appointments_have_clinic", "stop") == "stop"


@pytest.mark.parametrize(("section", "word"), [("severity", "warn"), ("allowances", 3)])
def test_check_that_does_not_exist_is_named_with_the_nearest(tmp_path: Path, section: str, word: Any) -> None:
    says = (
        rf"policy\.yaml line \d+: {section}\.phase_3/patients_have_clinics: there is no such check"
        r" \(nearest: phase_3/patients_have_clinic\)"
    )
    with (
        own_include(tmp_path, **{section: {"phase_3/patients_have_clinics": word}}),
        pytest.raises(ConfigurationError, match=says),
    ):
        Settings.load({})


def test_column_may_hold_ids_of_one_table_or_of_several(tmp_path: Path) -> None:
    policy = load_policy(policy_file(tmp_path, "plain_links", **{"sent_emails.sent_by": ["patients", "appointments"]}))
    assert policy.plain_links["sent_emails.sent_by"] == ("patients", "appointments")
    assert policy.plain_links["reminders.appointment_id"] == ("appointments",)


def test_imported_entities_stand_in_the_order_of_the_sequence() -> None:
    assert [mapping.entity for mapping in Settings.load({}).imported()] == [
        "patient",
        "appointment",
        "note",
        "letter",
        "reminder",
    ]


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        (
            {"backup": "a/001"},
            r"undo newest and backup a/001 cannot both be chosen: .* Leave backup at newest, or undo",
        ),
        ({"scope": "everything"}, "choose the scope patient_data, or restore a backup"),
        ({"without_backup": True}, "leave without_backup off"),
        ({"undo": ""}, "undo: "),
    ],
)
def test_choices_of_a_restore_that_do_not_go_together_are_named(chosen: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^parameters: .*{said}"):
        RestoreParameters.load({"undo": "newest"} | chosen)


@pytest.mark.parametrize("chosen", [{"undo": "newest"}, {"undo": "run"}, {"undo": None, "scope": "everything"}])
def test_choices_of_a_restore_that_go_together(chosen: dict[str, Any]) -> None:
    assert RestoreParameters.load(chosen).undo == chosen["undo"]


@pytest.mark.parametrize("check", PROTECTIVE_CHECKS)
def test_check_that_keeps_rows_from_being_lost_cannot_be_relaxed(tmp_path: Path, check: str) -> None:
    instead = re.escape(PROTECTIVE_CHECKS[check])
    says = rf"^policy\.yaml line \d+: severity\.{check}: 'warn' is impossible: .* {instead}\.$"
    with own_include(tmp_path, severity={check: "warn"}), pytest.raises(ConfigurationError, match=says):
        Settings.load({})
    assert PROTECTIVE_CHECKS.keys() <= known_checks()


def test_configuration_is_its_own_policy_on_top_of_another_and_its_own_mapping() -> None:
    settings, default = Settings.load({"configuration": "reference"}), Settings.load({})
    assert settings.mappings["patient"].layout == default.mappings["patient"].layout == "API_Contacts"
    assert settings.mappings["appointment"].layout == "API_event"
    assert settings.policy.thresholds == default.policy.thresholds
    assert settings.policy.tables["companies"] == "imported"
    assert "companies" not in default.policy.tables
    assert "reminders" in default.policy.vanished
    assert "reminders" not in settings.policy.vanished


def test_unknown_configuration_is_named_with_the_nearest() -> None:
    says = r"^parameters: configuration: there is no configuration 'refrence' \(nearest: reference\)"
    with pytest.raises(ConfigurationError, match=says):
        Settings.load({"configuration": "refrence"})


def test_mistake_is_named_with_the_file_it_stands_in_of_two(tmp_path: Path) -> None:
    shipped = (INCLUDE / "policy.yaml").read_text().replace("conflicts: filemaker", "conflicts: filmaker")
    (tmp_path / "policy.yaml").write_text(shipped)
    (tmp_path / "policy.own.yaml").write_text("based_on: policy.yaml\nthresholds: {removed_percent: -1}\n")
    with pytest.raises(ConfigurationError) as caught:
        load_policy(tmp_path / "policy.own.yaml")
    assert "policy.own.yaml line 2: thresholds.removed_percent: " in str(caught.value)
    assert re.search(r"\npolicy\.yaml line \d+: conflicts: 'filmaker'", str(caught.value))


def test_table_that_is_imported_needs_a_mapping_file_and_the_other_way_round(tmp_path: Path) -> None:
    with own_include(tmp_path / "a") as folder:
        (folder / "mapping" / "note.yaml").unlink()
        with pytest.raises(
            ConfigurationError, match=r"^policy\.yaml: tables\.notes: 'imported' is impossible: no mapping"
        ):
            Settings.load({})
        (folder / "mapping" / "image.yaml").unlink()
        with pytest.raises(ConfigurationError, match=r"has no image\.yaml, without which nothing can be imported"):
            Settings.load({})
    with own_include(tmp_path / "b", tables={"notes": "cascades"}) as folder:
        policy = yaml.safe_load((folder / "policy.yaml").read_text())
        del policy["vanished"]["notes"]
        (folder / "policy.yaml").write_text(yaml.safe_dump(policy))
        with pytest.raises(ConfigurationError, match=r"'cascades' is impossible: note\.yaml fills this table"):
            Settings.load({})


def test_parameter_that_nobody_knows_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigurationError, match=r"parameters: mod: there is no such key \(nearest: mode\)"):
        Settings.load({"mod": "publish"})
    with pytest.raises(ConfigurationError, match=r"parameters: undu: there is no such key \(nearest: undo\)"):
        RestoreParameters.load({"undu": "newest"})
