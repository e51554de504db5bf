"""The window. Widgets take values and say wishes; only the main window talks to the backend."""
