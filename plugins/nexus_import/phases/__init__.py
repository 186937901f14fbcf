"""One module per phase of the import, each exposing one task group; the only place with tasks and hooks."""
