"""Pure decisions: facts and an action in, a decision out. No clock, no random, no input or output."""
