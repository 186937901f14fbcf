"""Which synthetic clinic a stack is filled with: the one that was chosen, in all parts; and what the demo passes on."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import psycopg
import pytest
import requests
from rich.console import Console

from local import demo
from local.clinic import CLINICS, CONFIGURATION_OF_CLINIC, REFERENCE_CLINIC
from local.processes import StackError
from local.stack import Stack
from tests.support.reference import ReferenceClinic

ELSEWHERE = {"AIRFLOW_URL": "http://127.0.0.1:1", "MAIL_DIR": "/nonexistent"}
"""Parts that this file has no need of."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    directory = tmp_path_factory.mktemp("stack") / "state"
    with Stack(directory, clinic=REFERENCE_CLINIC, scale=0.02, environment=ELSEWHERE) as started:
        yield started


def test_all_parts_hold_the_reference_clinic(stack: Stack) -> None:
    clinic, places = ReferenceClinic(stack.clinic_dir), stack.addresses
    base = f"{places.filemaker_url}/fmi/data/vLatest/databases/{places.filemaker_database}"
    account = (places.filemaker_user, places.filemaker_password)
    answer = requests.post(f"{base}/sessions", auth=account, json={}, timeout=10)
    headers = {"Authorization": f"Bearer {answer.json()['response']['token']}"}
    listed = requests.get(f"{base}/layouts", headers=headers, timeout=10).json()["response"]["layouts"]
    assert {layout["name"] for layout in listed} == set(clinic.layouts)
    with psycopg.connect(places.nexus_db_uri) as connection:
        ids = connection.execute("SELECT filemaker_metadata ->> 'filemaker_id' FROM patients").fetchall()
    assert {key for (key,) in ids} == {key for key, nexus in clinic.truth["patients"].items() if nexus}
    s3 = boto3.client(
        "s3",
        endpoint_url=places.s3_endpoint,
        aws_access_key_id=places.aws_access_key_id,
        aws_secret_access_key=places.aws_secret_access_key,
        region_name="us-east-1",
    )
    page = s3.list_objects_v2(Bucket=places.s3_bucket, Prefix="filemaker-import/images-bulk-dump/")
    recids = {record["recid"] for record in clinic.records("API_Images").values()}
    assert {int(Path(stored["Key"]).stem) for stored in page["Contents"]} <= recids


def test_demo_brings_up_the_clinic_that_was_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {}

    def refuse(directory: Path, **options: object) -> Stack:
        asked.update(options)
        raise StackError("enough")

    monkeypatch.setattr(demo, "Stack", refuse)
    console = Console(file=io.StringIO())
    one = demo.Demo(console, clinic=REFERENCE_CLINIC, scale=0.5, seed=3, is_exiting=True)
    assert one.run(tmp_path) == demo.EXIT_FAILED
    assert (asked["clinic"], asked["scale"], asked["seed"]) == (REFERENCE_CLINIC, 0.5, 3)


def test_every_kind_of_clinic_has_its_place_for_parameters_of_the_run() -> None:
    assert set(CONFIGURATION_OF_CLINIC) == set(CLINICS)
    assert not any(demo.RUN_PARAMETERS.keys() & demo.clinic_parameters(kind).keys() for kind in CLINICS)


@pytest.mark.parametrize("program", ["local.demo", "local.clinic"])
def test_an_unknown_kind_is_refused_with_the_known_ones(program: str, tmp_path: Path) -> None:
    arguments = (str(tmp_path),) if program == "local.clinic" else ()
    command = [sys.executable, "-m", program, *arguments, "--clinic", "imaginary"]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert refused.returncode == 2
    assert "'seed', 'reference'" in refused.stderr
