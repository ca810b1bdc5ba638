"""Fakes, clips and browsers that the tests share."""
