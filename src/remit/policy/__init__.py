"""Cedar: schema generation, strict validation, slicing and evaluation by the official engine."""
