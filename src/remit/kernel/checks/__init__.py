"""One check a file. Each takes the facts and a prepared action and returns its findings, at least one."""
