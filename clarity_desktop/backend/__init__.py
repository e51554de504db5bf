"""Everything that works on photos. No Qt here; no torch at module level outside nets/."""
