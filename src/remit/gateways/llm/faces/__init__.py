"""The interfaces that clients speak, one a file: read a request, watch an answer, put refusals into its words."""
