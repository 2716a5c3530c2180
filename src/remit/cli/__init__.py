"""The command `remit`: one file a verb, imported when it is called."""
