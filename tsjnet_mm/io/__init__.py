"""From files to pairs: one reader of every image format, one rule which files pair."""
