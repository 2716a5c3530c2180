"""Where facts, records, releases and sealed payloads live. One port; SQLite now, PostgreSQL beside it later."""
