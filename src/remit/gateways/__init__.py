"""Network doors for agents that were never written for Remit. No rule lives here: every request becomes an action."""
