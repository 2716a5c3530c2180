"""Frozen values everybody shares. Imports nothing of ours."""
