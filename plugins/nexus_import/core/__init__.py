"""Pure logic: no Airflow, no network, no database driver."""
