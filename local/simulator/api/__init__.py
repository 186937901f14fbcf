"""The Data API: from a request to its answer."""
