"""Agents that steps of workflows hand work to: the built-in one, and those elsewhere."""
