"""Parts of a photo: found by clicks, boxes or words, and combined."""
