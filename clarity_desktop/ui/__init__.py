"""The window. Widgets show values and emit signals; commands send requests; the main window distributes events."""
