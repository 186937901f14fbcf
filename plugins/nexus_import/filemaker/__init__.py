"""The FileMaker Data API: client, complete reading of a layout, Airflow hook."""
