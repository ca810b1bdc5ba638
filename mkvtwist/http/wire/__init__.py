"""HTTP connections, requests and responses (I{reactor})."""
