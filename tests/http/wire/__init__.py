"""Tests of C{mkvtwist.http.wire}."""
