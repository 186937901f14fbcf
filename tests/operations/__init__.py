"""The tests of docs/operations.md."""
