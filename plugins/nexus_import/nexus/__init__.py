"""The Nexus database: every function takes an open connection and knows no Airflow hook."""
