"""Imported by the server of task processes before it forks: everything that takes time."""

from __future__ import annotations

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.postgres.hooks.postgres import PostgresHook
from airflow.providers.smtp.hooks.smtp import SmtpHook

from tests.support.task_processes import known_dag

__all__ = ["PostgresHook", "S3Hook", "SmtpHook"]
known_dag()
