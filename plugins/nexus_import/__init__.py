"""Imports a clinic's FileMaker data into Nexus: plan on a working copy, then publish in one transaction."""
