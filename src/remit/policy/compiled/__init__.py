"""Cedar policies as Python functions: the fast way to an answer that the official implementation would give too."""
