"""Tests of C{exec:} inputs."""
