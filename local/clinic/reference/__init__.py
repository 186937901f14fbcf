"""A synthetic clinic with the layouts, field names and troubles of the reference installation."""
