"""The connection to Nexus's database is cut while rows are copied, and when the publish commits."""
