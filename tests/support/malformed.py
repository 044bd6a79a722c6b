"""Requests that the server must refuse with 400, and must read nothing after."""


def head(*lines: str, method: str = "GET", host: str = "Host: a\r\n") -> bytes:
    return f"{method} / HTTP/1.1\r\n{host}".encode() + "\r\n".join(lines).encode("latin-1")


def ended(*lines: str) -> bytes:
    return head(*lines) + b"\r\n\r\n"


def with_length(*lines: str) -> bytes:
    return head(*lines, method="POST") + b"\r\n\r\nabcdef"


def coded(*lines: str) -> bytes:
    return head(*lines, method="POST") + b"\r\n\r\n0\r\n\r\n"


def in_chunks(body: bytes) -> bytes:
    return head("Transfer-Encoding: chunked", method="POST") + b"\r\n\r\n" + body


MALFORMED = {
    "both lengths": coded("Content-Length: 5", "Transfer-Encoding: chunked"),
    "both lengths, the other way": coded("Transfer-Encoding: chunked", "Content-Length: 5"),
    "a length in a trailer": in_chunks(b"0\r\nContent-Length: 5\r\n\r\n"),
    "two different lengths": with_length("Content-Length: 5", "Content-Length: 6"),
    "two lengths in one line": with_length("Content-Length: 5, 6"),
    "a negative length": with_length("Content-Length: -1"),
    "a length with a sign": with_length("Content-Length: +1"),
    "a hexadecimal length": with_length("Content-Length: 0x1"),
    "a length with an underscore": with_length("Content-Length: 1_0"),
    "an empty length": with_length("Content-Length:"),
    "a length beyond 64 bits": with_length("Content-Length: 99999999999999999999"),
    "a header line without a colon": ended("nonsense"),
    "a header line without a name": ended(": b"),
    "a space before the colon": ended("X : b"),
    "a space before the first name": b"GET / HTTP/1.1\r\n Host: a\r\n\r\n",
    "a folded header line": ended("X: b", " c"),
    "a NUL in a value": ended("X: \x00"),
    "a control character in a value": ended("X: \x01"),
    "a letter beyond ASCII in a name": ended("X\xe9: b"),
    "a bare LF after the request line": b"GET / HTTP/1.1\nHost: a\r\n\r\n",
    "a bare LF after a header": ended("X: b\nY: c"),
    "a bare LF at the end": head("X: b") + b"\r\n\n",
    "a bare CR after a header": ended("X: b\rY: c"),
    "a bare LF after a chunk size": in_chunks(b"1\na\r\n0\r\n\r\n"),
    "a bare LF after a chunk": in_chunks(b"1\r\na\n0\r\n\r\n"),
    "a bare LF after a chunk extension": in_chunks(b"1;b\na\r\n0\r\n\r\n"),
    "a chunk size that is no number": in_chunks(b"zz\r\n"),
    "a chunk without a size": in_chunks(b"\r\n"),
    "a negative chunk size": in_chunks(b"-1\r\n"),
    "a chunk longer than its size": in_chunks(b"1\r\nab\r\n0\r\n\r\n"),
    "an unknown transfer coding": coded("Transfer-Encoding: gzip"),
    "an unknown coding before chunked": coded("Transfer-Encoding: gzip, chunked"),
    "an unknown coding after chunked": coded("Transfer-Encoding: chunked, gzip"),
    "chunked twice": coded("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
    "nothing and chunked": coded("Transfer-Encoding: ,chunked"),
    "an almost chunked coding": coded("Transfer-Encoding: xchunked"),
    "a hidden chunked": coded("Transfer-Encoding: \x0bchunked"),
    "chunked in HTTP/1.0": coded("Transfer-Encoding: chunked").replace(b"/1.1", b"/1.0"),
    "no Host": head("X: b", host="") + b"\r\n\r\n",
    "two Hosts": ended("Host: b"),
    "a target that is no path": b"GET a HTTP/1.1\r\nHost: a\r\n\r\n",
    "a target of another scheme": b"GET ftp://a/b HTTP/1.1\r\nHost: a\r\n\r\n",
    "a star for a target": b"GET * HTTP/1.1\r\nHost: a\r\n\r\n",
    "a space in the target": b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
    "bytes beyond ASCII in the target": b"GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n",
    "a proxy's method": b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
    "an unknown method": b"FROB / HTTP/1.1\r\nHost: a\r\n\r\n",
    "the beginning of TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}

# What is no HTTP/1.0 or HTTP/1.1, however it looks.
OTHER_PROTOCOLS = [
    b"%b\r\nHost: a\r\n\r\n" % line
    for line in (
        b"GET /",
        b"GET / HTTP/0.9",
        b"GET / HTTP/1.2",
        b"GET / HTTP/1.10",
        b"GET / HTTP/11",
        b"GET / HTTP/2.0",
        b"PRI * HTTP/2.0",
        b"GET / HTTP/3",
        b"GET / HTPT/1.1",
        b"GET / http/1.1",
        b"GET / RTSP/1.1",
        b"POST / RTSP/1.0",
        b"OPTIONS * RTSP/1.0",
        b"DESCRIBE / RTSP/1.0",
        b"SOURCE / ICE/1.0",
        b"GET / ICE/1.0",
        b"GET / FTP/1.1",
        b"GET /a/b?c HTTP/x.1",
    )
]
