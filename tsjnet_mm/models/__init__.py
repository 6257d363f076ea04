"""Networks and their parts; the registry imports them."""
