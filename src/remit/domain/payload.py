"""The parts of sealed payloads: what an action or a run keeps under lock and key."""

ARGUMENTS, RESULT, TASK = "arguments", "result", "task"
"""Arguments and result belong to an action, the task text to a run."""
