"""Delivers a synthetic clinic to a Nexus database and a bucket that are elsewhere: `python -m local.deliver DIRECTORY`.

For the profile demo of docker-compose.yaml, where each part is a container of its own. The embedded stack puts its
objects straight into its S3 server's memory instead. Where the parts are is told by variables, see `main`.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3

from local.addresses import REGION
from local.clinic import ObjectBody, iter_objects, load_nexus, make_clinic
from local.nexus_database import BACKUP_ROLE, IMPORT_ROLE, OWNER, RESTORE_ROLE, NexusDatabase
from local.postgres import SUPERUSER, PostgresCluster

UPLOADS_AT_ONCE = 16
DELIVERED = "delivered"


class ServedCluster(PostgresCluster):
    """A cluster that somebody else runs, reached as its superuser."""

    def __init__(self, address: str, password: str) -> None:
        host, _, port = address.rpartition(":")
        super().__init__(Path(host), port=int(port), password=password)
        self._host = host

    def uri(self, database: str = SUPERUSER, user: str = SUPERUSER, password: str | None = None) -> str:
        """Return a `postgresql://` address; without a password it is the superuser's."""
        return f"postgresql://{user}:{password or self.password}@{self._host}:{self.port}/{database}"


def deliver(directory: Path, scale: float, environment: Mapping[str, str]) -> None:
    """Make the clinic, fill the database and the bucket; does nothing where that was done to its end before."""
    marker = directory / DELIVERED
    if marker.exists():
        print(f"The clinic in {directory} was delivered before; nothing is changed")
        return
    summary = make_clinic(directory, scale=scale)
    set_account(directory, environment)
    passwords = {OWNER: environment["NEXUS_OWNER_PASSWORD"]}
    passwords |= {role: environment[f"{role.upper()}_PASSWORD"] for role in (IMPORT_ROLE, BACKUP_ROLE, RESTORE_ROLE)}
    cluster = ServedCluster(environment["NEXUS_DB_ADDRESS"], environment["NEXUS_OWNER_PASSWORD"])
    nexus = NexusDatabase(cluster, passwords=passwords)
    with cluster.connect() as connection:
        # a delivery that was interrupted begins anew
        connection.execute("DROP DATABASE IF EXISTS nexus WITH (FORCE)")
    nexus.create()
    counts = load_nexus(nexus.uri(), directory)
    nexus.grant()
    count = upload(directory, environment)
    marker.touch()
    print(f"{sum(summary.filemaker.values()):,} FileMaker records, {sum(counts.values()):,} rows, {count:,} objects")


def set_account(directory: Path, environment: Mapping[str, str]) -> None:
    """Let the simulator that serves this clinic know the account of the environment."""
    file = directory / "filemaker" / "database.json"
    account = {name: environment[f"FILEMAKER_{name.upper()}"] for name in ("database", "user", "password")}
    file.write_text(json.dumps(json.loads(file.read_text()) | account))


def upload(directory: Path, environment: Mapping[str, str]) -> int:
    """Put every object of the clinic into the bucket, which is made if it is not there; return their number."""
    s3: Any = boto3.client(
        "s3",
        endpoint_url=environment["S3_ENDPOINT"],
        aws_access_key_id=environment["S3_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["S3_SECRET_ACCESS_KEY"],
        region_name=REGION,
    )
    bucket = environment["S3_BUCKET"]
    if bucket not in {each["Name"] for each in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket=bucket)

    def put(one: ObjectBody) -> None:
        s3.put_object(Bucket=bucket, Key=one.key, Body=one.body, ContentType=one.content_type)

    with ThreadPoolExecutor(UPLOADS_AT_ONCE) as pool:
        return sum(1 for _ in pool.map(put, iter_objects(directory)))


def main() -> None:
    """Command line; the variables are those of the service `clinic` in docker-compose.yaml."""
    parser = argparse.ArgumentParser(prog="python -m local.deliver", description=__doc__.split(":")[0])
    parser.add_argument("directory", type=Path, help="where the clinic is made; also what the simulator serves")
    parser.add_argument("--scale", type=float, default=1.0, help="multiple of 2,842 patients (default 1)")
    options = parser.parse_args()
    deliver(options.directory, options.scale, os.environ)


if __name__ == "__main__":
    main()
