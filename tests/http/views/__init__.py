"""Tests of C{mkvtwist.http.views}."""
