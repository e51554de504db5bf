"""Networks: torch modules written from their papers, and readers that turn published files into their weights."""
