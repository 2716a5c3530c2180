"""What a server says of its tools, as Tool documents that a person confirms. It is believed in nothing."""
