"""The restore of a backup: checked, compared with live Nexus, and put back as a difference in one transaction."""
