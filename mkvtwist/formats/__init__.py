"""Output formats: packets to bytes (I{pure})."""
