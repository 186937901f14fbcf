"""An application like Nexus, on its tables: what a published run looks like to those who use it."""
