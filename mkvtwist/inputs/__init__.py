"""Inputs: opened, waited for, retried, published by senders (I{reactor})."""
