"""Tests of C{mkvtwist.libav.packets}."""
