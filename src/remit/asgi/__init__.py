"""What every raw ASGI route shares: bounds of a request, refusals, who calls, word of commits. No rule lives here."""
