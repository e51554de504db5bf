"""Plain words in, verbs out."""
