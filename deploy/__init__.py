"""What a deployment runs beside Airflow's own commands: its preparation, its health checks, its .env file."""
