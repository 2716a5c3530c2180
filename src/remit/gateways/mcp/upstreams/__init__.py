"""What stands behind the MCP gateway: the servers it starts or reaches, each with its own bounds and breaker."""
