"""The embedded stack: everything the import talks to, on one machine, without Docker."""
