"""The second synthesis, written apart from the first: our networks are measured on it and never trained."""
