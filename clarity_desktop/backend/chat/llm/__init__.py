"""The language model of the conversation: its server, its keys, what it is sent and what it replies."""
