"""Looks at a deployment from top to bottom, with the functions that a run uses, and says what to mend."""
