"""Networks and their parts, a room each; the registry imports them."""
