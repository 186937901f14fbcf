"""Nexus's own application over HTTP: asked after a publish what its users would ask it."""
