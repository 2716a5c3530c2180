"""Carrying out workflows: what is to be done next, doing it under admission, and knowing what was done before."""
