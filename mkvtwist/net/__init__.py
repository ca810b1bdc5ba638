"""Sockets and endpoints: the network below every protocol (I{reactor})."""
