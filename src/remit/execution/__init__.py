"""Use cases of agents: runs, admission, outcomes, metering, replay."""
