"""Responses to requests, one module for each kind of resource (I{reactor})."""
