"""Senders over HTTP: media in several requests, and requests that are made to do harm."""

from __future__ import annotations

from mkvtwist.http.uplinks import PIECE_GAP
from mkvtwist.http.wire.body import BODY_LIMIT
from mkvtwist.libav import Ended
from mkvtwist.libav.pipe import PIPE_LIMIT
from mkvtwist.testing import END, footage, header
from tests.support.fakes import answer
from tests.support.senders import (
    CHUNKED,
    SOUP,
    SendersTestCase,
    Sending,
    chunks,
)


class PiecesTests(SendersTestCase):
    """GStreamer's souphttpclientsink, which makes a request for each piece."""

    def piece(self, place: int, data: bytes, connection: Sending | None = None) -> Sending:
        """One of them."""
        connection = connection or self.connect()
        headers = [SOUP, f"Content-Length: {len(data)}"]
        if place:
            headers.append(f"Content-Range: bytes {place}-{place + len(data) - 1}/*")
        connection.begin(*headers)
        connection.send(data)
        return connection

    def test_pieces(self) -> None:
        """Each is answered at once, over one connection or several, and all are one."""
        first = self.piece(0, b"abc")
        self.assertEqual(first.verdict().status, 200)
        self.piece(3, b"def", first)
        self.assertEqual(answer(first.verdict().rest).text, "6 bytes so far.\n")
        self.piece(6, b"ghi")
        self.assertEqual(self.read(9), b"abcdefghi")
        self.assertEqual(len(self.readers), 1)

    def test_unreadable(self) -> None:
        """If a later piece cannot be read, operators are told once, as with one request."""
        first = self.piece(0, b"abc")
        self.assertEqual(first.verdict().status, 200)
        connection = self.connect()
        connection.begin(SOUP, "Content-Length: 9", "Content-Range: bytes 3-11/*")
        self.emit(Ended("Invalid data", fault=True, plain="no media"))
        self.assertEqual(connection.verdict().status, 415)
        self.assertEqual(len(self.log.about("Invalid data")), 1)
        self.assertEqual(self.log.about("refused with"), [])

    def test_full(self) -> None:
        """When the pipe is full the answer waits for room."""
        connection = self.piece(0, bytes(PIPE_LIMIT))
        self.assertEqual(connection.said, b"")
        self.read(PIPE_LIMIT // 2 + 1)
        self.assertEqual(connection.verdict().status, 200)

    def test_lost_while_full(self) -> None:
        """A sender that has gone before a piece was answered has left after a while."""
        self.piece(0, bytes(PIPE_LIMIT)).lose()
        self.emit(header())
        self.reactor.advance(PIECE_GAP)
        self.assertEqual(len(self.read(PIPE_LIMIT + 1)), PIPE_LIMIT)
        self.assertEqual(len(self.log.about("left after")), 1)

    def test_full_on_the_way(self) -> None:
        """It may be full before a piece is whole; then the rest of that waits."""
        connection = self.connect()
        connection.begin(SOUP, f"Content-Length: {PIPE_LIMIT + 1}")
        connection.send(bytes(PIPE_LIMIT))
        self.assertTrue(connection.is_paused)
        self.read(PIPE_LIMIT)
        self.assertFalse(connection.is_paused)
        connection.send(b"1")
        self.assertEqual(connection.verdict().status, 200)

    def test_gap(self) -> None:
        """When no next piece comes the sender has left."""
        self.piece(0, b"abc")
        self.emit(header())
        self.reactor.advance(PIECE_GAP)
        self.assertEqual(self.read(10), b"abc")
        self.emit(END)
        self.assertEqual(self.state, "waiting for a sender")
        self.assertEqual(self.piece(3, b"def").verdict().status, 409)

    def test_lost(self) -> None:
        """A connection that is lost within a piece is the end, too."""
        self.piece(0, b"abc")
        connection = self.connect()
        connection.begin(SOUP, "Content-Length: 5", "Content-Range: bytes 3-7/*")
        connection.send(b"d")
        connection.lose()
        self.assertEqual(self.read(10), b"abcd")
        self.assertEqual(len(self.log.about("left after")), 1)

    def test_wrong_place(self) -> None:
        """A piece that does not follow is refused, and the others go on."""
        self.piece(0, b"abc")
        self.assertEqual(self.piece(2, b"xyz").verdict().status, 409)
        self.assertEqual(self.piece(3, b"def").verdict().status, 200)
        self.assertEqual(self.read(6), b"abcdef")

    def test_started_again(self) -> None:
        """A new beginning is a new sender, if the one before is between two pieces."""
        self.piece(0, b"old")
        self.piece(0, b"new")
        self.assertEqual(self.read(4), b"old")
        self.emit(END)
        self.piece(3, b"er")
        self.assertEqual(self.read(5), b"newer")

    def test_dropped(self) -> None:
        """When it is no media the next piece is told so."""
        first = self.piece(0, b"abc")
        self.emit(Ended("no media", fault=True))
        second = self.piece(3, b"def")
        self.assertEqual(second.verdict().status, 409)
        first.lose()
        second.lose()
        self.assertEqual(self.reactor.getDelayedCalls(), [])


class HostileTests(SendersTestCase):
    """Requests that are not what they seem, and bodies that nobody wants."""

    def test_two_ends(self) -> None:
        """A body whose end is said in two ways is refused, and nothing after it is read."""
        length, other = "Content-Length: 5", "Content-Length: 6"
        for headers in (
            (length, CHUNKED),
            (CHUNKED, length),
            (length, CHUNKED, "X: y"),
            (CHUNKED, length, "X: y"),
            (length, other),
            (length, length),
            (CHUNKED, CHUNKED),
            ("Transfer-Encoding: gzip, chunked",),
            ("Transfer-Encoding: xchunked",),
            ("Content-Length: 5, 5",),
            ("Content-Length: +5",),
            ("Content-Length: -5",),
            ("Content-Length: 0x5",),
            ("Content-Length : 5",),
        ):
            connection = self.connect()
            connection.begin(*headers)
            connection.send(b"5\r\nhello\r\n0\r\n\r\nGET /status HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertEqual(connection.said, b"HTTP/1.1 400 Bad Request\r\n\r\n", headers)
            self.assertTrue(connection.transport.disconnecting)
        self.assertEqual((self.readers, self.log.about("sender ")), ([], []))

    def test_two_ends_at_once(self) -> None:
        """Such a request is refused also when all of it comes in one piece."""
        for headers in ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\nX: y", "X y\r\nZ: z"):
            connection = self.connect()
            connection.send(
                f"PUT /cam HTTP/1.1\r\n{headers}\r\n\r\nhello".encode()
                + b"GET /status HTTP/1.1\r\nHost: x\r\n\r\n"
            )
            self.assertEqual(connection.said, b"HTTP/1.1 400 Bad Request\r\n\r\n")
        self.assertEqual((self.readers, self.log.about("sender ")), ([], []))

    def test_chunks(self) -> None:
        """Chunks that are none end the sender's time; what came before them is read."""
        for bad in (b"xyz\r\n", b"-1\r\n", b" 5\r\nhello", b"5\r\nhello!!", b"0x5\r\n", b"\r\n"):
            connection = self.sender()
            connection.send(bad)
            self.assertEqual(connection.said, b"HTTP/1.1 400 Bad Request\r\n\r\n", bad)
            connection.lose()
            self.read(5)
            self.emit(END)
            self.assertEqual(self.state, "waiting for a sender")

    def test_chunk_extensions(self) -> None:
        """What may stand beside a chunk's size is read over."""
        connection = self.connect()
        connection.begin(CHUNKED)
        connection.send(b"005;a=b\r\nmedia\r\n0\r\nTrailer: x\r\n\r\n")
        self.assertEqual(self.read(6), b"media")

    def test_hidden_request(self) -> None:
        """What follows a body on the same connection is not answered."""
        connection = self.connect()
        connection.begin(CHUNKED)
        connection.send(b"5\r\nmedia\r\n0\r\n\r\nGET /status HTTP/1.1\r\nHost: x\r\n\r\n")
        self.emit(END)
        self.assertEqual(connection.verdict().rest, b"")
        self.assertTrue(connection.transport.disconnecting)
        connection.send(b"GET /status HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertEqual(connection.verdict().rest, b"")

    def test_hidden_request_without_length(self) -> None:
        """A request without a body is none of a sender's, and the next one is answered."""
        connection = self.connect()
        connection.begin()
        connection.begin(method="GET", target="/status")
        self.assertEqual(answer(connection.verdict().rest).status, 200)

    def test_bodies_of_others(self) -> None:
        """A body that nobody has asked for is not kept, and not for long read over."""
        connection = self.connect()
        connection.begin(f"Content-Length: {BODY_LIMIT + 1}", method="GET", target="/status")
        self.assertEqual(connection.verdict().status, 413)
        self.streams["live"].publisher.begin(header())
        self.streams["live"].publisher.publish(footage(0, 3))
        connection = self.connect()
        connection.begin(CHUNKED, method="GET", target="/live.mkv")
        self.reactor.turn()
        connection.send(chunks(bytes(BODY_LIMIT)))
        self.assertFalse(connection.transport.disconnecting)
        self.assertEqual(answer(connection.said).headers["connection"], "close")
        connection.send(chunks(b"1"))
        self.assertTrue(connection.transport.disconnecting)

    def test_body_of_one_that_waits(self) -> None:
        """One that waits for its answer, and sends a body, is not read from meanwhile."""
        connection = self.connect()
        connection.begin(CHUNKED, method="GET", target="/cam.mkv")
        connection.send(chunks(b"12345"))
        self.assertTrue(connection.is_paused)
        self.sender()
        self.emit(header(), *footage(0, 3))
        self.assertFalse(connection.is_paused)
        self.assertEqual(answer(connection.said).status, 200)

    def test_bad_chunks_within_an_answer(self) -> None:
        """When an answer has been begun nothing else can be said; the connection is ended."""
        self.streams["live"].publisher.begin(header())
        self.streams["live"].publisher.publish(footage(0, 3))
        connection = self.connect()
        connection.begin(CHUNKED, method="GET", target="/live.mkv")
        connection.send(b"xyz\r\n")
        self.assertNotIn(b"Bad", connection.said)
        self.assertTrue(connection.transport.disconnecting)

    def test_idle_connection(self) -> None:
        """After an answer, and before a request, the usual time limit holds."""
        connection = self.connect()
        connection.begin(SOUP, "Content-Length: 3")
        connection.send(b"abc")
        self.assertFalse(connection.transport.disconnecting)
        self.reactor.advance(self.site.timeOut or 0)
        self.assertTrue(connection.transport.disconnecting)
