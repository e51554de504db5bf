"""The chat: turns a request in plain English into a plan and runs it."""
