"""The kinds of document a workspace folder holds, one a file: tables of fields that read the YAML and describe it to editors."""
