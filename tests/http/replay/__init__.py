"""Tests of C{mkvtwist.http.replay}."""
