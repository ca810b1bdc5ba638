"""Programs that try what takes too long for a test; each has C{--help}."""
