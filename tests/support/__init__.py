"""What tests share: an installation on real parts, and runs of the DAG's tasks in this process."""
