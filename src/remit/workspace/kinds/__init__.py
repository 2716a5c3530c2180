"""The kinds of document a folder holds, one a file: tables of fields that read YAML and describe it."""
