"""A workspace as files: a folder of YAML and Cedar, read into frozen values or into all that is wrong."""
