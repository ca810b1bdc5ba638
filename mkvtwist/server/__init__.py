"""The server: streams, listeners, options and the process around them (I{reactor})."""
