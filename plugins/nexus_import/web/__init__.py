"""What people see of a run outside Airflow's own pages."""
