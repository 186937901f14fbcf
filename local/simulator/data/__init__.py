"""The hosted data: files read into databases, layouts, tables, fields and values."""
