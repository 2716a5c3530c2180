"""The model gateway: OpenAI's and Anthropic's interfaces, in front of the models whose credentials Remit holds."""
