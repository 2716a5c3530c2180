"""What an agent imports. Light: nothing of storage is loaded by an agent that only talks to a server."""
