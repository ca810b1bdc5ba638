"""A running stream: its ring, its clients, its events (I{reactor})."""
