"""The commands: arguments are read here, before anything heavy is imported."""
