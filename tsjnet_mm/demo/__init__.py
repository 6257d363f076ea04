"""The web page that fuses."""
