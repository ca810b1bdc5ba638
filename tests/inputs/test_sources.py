"""The source registry: how inputs of each form come by their media."""

from __future__ import annotations

import os
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.input import Form, Input, parse_input
from mkvtwist.config.settings import StreamConfig
from mkvtwist.inputs.sources import SOURCES, Source, source_of


def source(text: str) -> Source:
    """How this input comes by its media."""
    return source_of(parse_input("input", text))


class SourceTests(SynchronousTestCase):
    """L{SOURCES}."""

    def test_every_form(self) -> None:
        """Each form has its line; senders come to those forms that have senders."""
        self.assertEqual(set(SOURCES), set(Form))
        for form, found in SOURCES.items():
            self.assertEqual(found.listener is not None, form.has_sender)

    def test_listening_url(self) -> None:
        """URLs at which libavformat waits for a sender, and sessions, are told from others."""
        self.assertTrue(source("rtmp://0.0.0.0/live?listen=1").listens)
        self.assertTrue(source("udp://239.0.0.1:1234").listens)
        self.assertTrue(source("camera.sdp").listens)
        self.assertFalse(source("http://host/live.mkv").listens)
        self.assertFalse(source("tcp:12345").listens)

    def test_program(self) -> None:
        """Of all forms a program is the only one that is run."""
        self.assertEqual([form for form in Form if SOURCES[form].runs], [Form.EXEC])

    def test_open(self) -> None:
        """Only standard input is opened here: unbuffered, and left open."""
        for form in set(Form) - {Form.STDIN}:
            self.assertIsNone(SOURCES[form].open(Input(form, "x")))
        media: Any = SOURCES[Form.STDIN].open(Input(Form.STDIN, "-"))
        self.assertEqual(media.fileno(), 0)
        media.close()
        os.fstat(0)

    def test_endpoint(self) -> None:
        """An endpoint is listened at, that of RTMP as well, nothing else is."""
        for text, endpoint in (
            ("tcp:12345", "tcp:12345"),
            ("rtmp:1935:interface=127.0.0.1", "tcp:1935:interface=127.0.0.1"),
            ("rtmps:1936:privateKey=k.pem", "ssl:1936:privateKey=k.pem"),
        ):
            parsed = parse_input("input", text)
            self.assertEqual(source_of(parsed).endpoint(parsed), endpoint)
        for form in set(Form) - {Form.ENDPOINT, Form.RTMP}:
            self.assertEqual(SOURCES[form].endpoint(Input(form, "x")), "")

    def test_label(self) -> None:
        """In the log an input is what the user wrote, or the path that senders publish to."""
        for text, label in (
            ("film.mkv", "film.mkv"),
            ("http://me:secret@host/x", "http://me:***@host/x"),
            ("tcp:12345", "tcp:12345"),
            ("http", "/cam"),
            ("exec:camera --password=secret", "exec:camera ..."),
        ):
            config = StreamConfig(parse_input("input", text), name="cam")
            self.assertEqual(source(text).label(config), label)
