"""Log Analytics: the query API over seeded tables with Azure's column schemas."""
