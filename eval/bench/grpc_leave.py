"""Callers over gRPC who lose patience: each keeps its connection, as channels do, and cancels its call.

The least of a client of HTTP/2: one stream at a time, headers without compression, no flow control beyond what small
messages need.
"""

import select
import socket
import struct
import threading
import time

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
END_STREAM, ACK, END_HEADERS = 1, 1, 4
CANCEL = 8
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
METHOD = "/inference.GRPCInferenceService/ModelInfer"


def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def infer_request(model, values):
    """A call with one row of floats, named `x`."""
    tensor = field(1, b"x") + field(2, b"FP32") + field(3, varint(1) + varint(len(values)))
    return field(1, model.encode()) + field(5, tensor) + field(7, struct.pack(f"<{len(values)}f", *values))


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def header_block(headers):
    """Literals that are not indexed: names and values of fewer than 127 bytes."""
    block = b""
    for name, value in headers:
        name, value = name.encode(), value.encode()
        assert len(name) < 127 and len(value) < 127, name
        block += b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value
    return block


class Channel:
    """A connection on which calls follow each other."""

    def __init__(self, port, headers):
        self.socket = socket.create_connection(("127.0.0.1", port), 30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(PREFACE + frame(SETTINGS, 0, 0))
        self.block = header_block([(":method", "POST"), (":scheme", "http"), (":path", METHOD), (":authority", "bench"),
                                   ("content-type", "application/grpc"), ("te", "trailers"), *headers])
        self.stream, self.seen = -1, b""

    def send(self, message):
        self.stream += 2
        body = b"\0" + struct.pack(">I", len(message)) + message
        self.socket.sendall(frame(HEADERS, END_HEADERS, self.stream, self.block) + frame(DATA, END_STREAM, self.stream, body))

    def answered(self, patience):
        """Whether the call of now begins to be answered in that time."""
        until = time.monotonic() + patience
        while (left := until - time.monotonic()) > 0:
            if not select.select([self.socket], [], [], left)[0]:
                return False
            got = self.socket.recv(65536)
            if not got:
                raise OSError("the connection ended")
            self.seen += got
            if self.read():
                return True
        return False

    def read(self):
        """Takes whole frames; whether one of them answers the call of now."""
        is_answered = False
        while len(self.seen) >= 9:
            length = int.from_bytes(self.seen[:3], "big")
            if len(self.seen) < 9 + length:
                break
            kind, flags = self.seen[3], self.seen[4]
            stream = int.from_bytes(self.seen[5:9], "big")
            payload, self.seen = self.seen[9:9 + length], self.seen[9 + length:]
            if kind == GOAWAY:
                raise OSError("the server says goodbye")
            if kind in (SETTINGS, PING) and not flags & ACK:
                self.socket.sendall(frame(kind, ACK, 0, payload if kind == PING else b""))
            # An answer, or a refusal, begins with its headers; so do trailers alone.
            is_answered |= kind == HEADERS and stream == self.stream
        return is_answered

    def cancel(self):
        self.socket.sendall(frame(RST_STREAM, 0, self.stream, struct.pack(">I", CANCEL)))

    def close(self):
        self.socket.close()


def leave(port, headers, message, n_callers, seconds, patience_s):
    """What was sent, what was answered in spite of all, and how long the next caller then waits, who stays."""
    end, sent, answered = time.monotonic() + seconds, [0] * n_callers, [0] * n_callers

    def call(number):
        channel = None
        while time.monotonic() < end:
            try:
                channel = channel or Channel(port, headers)
                channel.send(message)
                sent[number] += 1
                if channel.answered(patience_s):
                    answered[number] += 1
                else:
                    channel.cancel()
            except OSError:
                channel = None
        if channel:
            channel.close()

    threads = [threading.Thread(target=call, args=[it]) for it in range(n_callers)]
    for it in threads:
        it.start()
    for it in threads:
        it.join()
    begun = time.monotonic()
    last = Channel(port, headers)
    last.send(message)
    is_answered = last.answered(10)
    last.close()
    return {"sent": sum(sent), "answered": sum(answered), "next_answered": is_answered, "next_ms": (time.monotonic() - begun) * 1e3}
