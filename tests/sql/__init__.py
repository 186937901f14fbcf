"""The checks, each against a defect that breaks it."""
