"""Where facts, records, releases and sealed payloads live. One port, and SQLite and PostgreSQL behind it."""
