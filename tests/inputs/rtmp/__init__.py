"""Tests of RTMP."""
