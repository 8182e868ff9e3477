"""Files to validated values: judgments, clips, splits, and the cards that describe them."""
