"""Who may work with which database, and for how long."""
