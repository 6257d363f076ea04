"""Read pairs from files: one reader for all image formats, one rule for pairing files."""
