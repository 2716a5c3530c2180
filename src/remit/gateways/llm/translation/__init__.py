"""Between dialects: requests and answers go through one plain form, and what it has no word for is refused."""
