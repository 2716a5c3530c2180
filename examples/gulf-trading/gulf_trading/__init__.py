"""Gulf Trading: an invented trading company in Dubai, its systems, its two agents and what happens to them."""
