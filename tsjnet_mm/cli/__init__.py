"""The commands. They parse their arguments before they import torch."""
