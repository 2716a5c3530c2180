"""What the server says over HTTP. Only here and in gateways is the web known; no rule lives here."""
