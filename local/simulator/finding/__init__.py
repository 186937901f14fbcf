"""Finds: FileMaker's language of criteria, and the records that meet them."""
