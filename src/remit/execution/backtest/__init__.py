"""Backtests: what a release would have decided on runs that were recorded elsewhere."""
