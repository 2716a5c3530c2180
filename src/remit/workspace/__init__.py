"""A workspace as files: a folder of YAML and Cedar, read into frozen values or into a list of everything that is wrong with it."""
