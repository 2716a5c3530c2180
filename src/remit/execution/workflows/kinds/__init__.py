"""The kinds of steps that act themselves, one a file. Steps around others are decided in walking.py."""
