"""The MCP gateway: one endpoint a workspace, in front of the tool servers whose credentials Remit holds."""
