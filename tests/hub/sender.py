"""Sending a file, or a range of it, with whatever goes wrong meanwhile."""
import gzip
import os
import re
import select
import socket
import struct
import time

CHUNK = 16 * 1024


class Sender:
    """The part of the request handler that sends data."""

    # ---- the connection ------------------------------------------------

    def client_stays(self, seconds):
        """Wait; False as soon as the client has gone."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            ready, _, _ = select.select([self.connection], [], [], min(left, 0.2))
            if ready:
                try:
                    if self.connection.recv(1, socket.MSG_PEEK) == b"":
                        return False
                except ValueError:  # TLS can't peek
                    return False
                except OSError:
                    return False
                time.sleep(min(left, 0.05))
        return True

    def abort(self, reset=False):
        self.close_connection = True
        try:
            if reset:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                           struct.pack("ii", 1, 0))
                self.connection.close()
            else:
                self.wfile.flush()
                self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    # ---- the head of the answer ----------------------------------------

    def span(self):
        """What is asked for: (first, last) or None; last may be infinite."""
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        return match and (int(match.group(1)), float(match.group(2) or "inf"))

    def send_file(self, name, path, etag, headers):
        with self.state.under_way(name) as others:
            faults = self.state.faults.hits("data", name, self.span(), others, self.spared)
            if not self.common_fault(faults):
                self.send_range(name, path, faults.get("etag", {}).get("value", etag), headers,
                                faults)

    def send_range(self, name, path, etag, headers, faults):
        size = os.path.getsize(path)
        start, end, code = 0, size - 1, 200
        span = self.span()
        if span and "whole" not in faults and self.headers.get("If-Range") in (None, etag):
            start, end, code = span[0], int(min(span[1], end)), 206
            if start > end:
                self.reply(416, {"Content-Range": f"bytes */{size}"})
                return
        if "short" in faults and code == 206:
            end = min(end, start + faults["short"]["bytes"] - 1)
        add = faults.get("crange", {})
        content_range = (f"bytes {start + add.get('start', 0)}-{end + add.get('end', 0)}"
                         f"/{size + add.get('total', 0)}")
        fields = {"Content-Type": "application/octet-stream", "ETag": etag, "Accept-Ranges": "bytes",
                  **headers}
        if code == 206:
            fields["Content-Range"] = content_range
        if "header" in faults:
            fields[faults["header"]["name"]] = faults["header"]["value"]
        if "without" in faults:
            fields.pop(faults["without"]["header"], None)
        if "coding" in faults:
            fields["Content-Encoding"] = faults["coding"]["value"]
        if "zip" in faults or "multipart" in faults:
            self.send_packed(name, path, start, end, code, fields, faults)
            return
        if "chunked" in faults:
            fields["Transfer-Encoding"] = "chunked"
        else:
            length = end + 1 - start
            if start <= faults.get("truncate", {}).get("at", -1) <= end:
                length = faults["truncate"]["at"] - start
            fields["Content-Length"] = length + faults.get("length", {}).get("add", 0)
        self.send_head(code, fields)
        self.send_body(name, path, start, end, faults)
        if "length" in faults:
            self.abort()

    def send_head(self, code, fields):
        self.send_response(code)
        for name, value in fields.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.record(code)

    def send_packed(self, name, path, start, end, code, fields, faults):
        """In another form than was asked for."""
        with open(path, "rb") as f:
            f.seek(start)
            body = f.read(end + 1 - start)
        if "zip" in faults:
            body = gzip.compress(body, 1)
            fields["Content-Encoding"] = "gzip"
        else:
            head = f"--b\r\nContent-Range: {fields.pop('Content-Range', '')}\r\n\r\n"
            body = head.encode() + body + b"\r\n--b--\r\n"
            fields["Content-Type"] = "multipart/byteranges; boundary=b"
        fields["Content-Length"] = len(body)
        self.send_head(code, fields)
        self.wfile.write(body)
        self.state.count(name, len(body))

    # ---- the body ------------------------------------------------------

    def send_body(self, name, path, start, end, faults):
        at = {kind: fault["at"] for kind, fault in faults.items() if "at" in fault}
        stop = start + faults["cut"]["bytes"] if "cut" in faults else end + 1
        began, pos = time.monotonic(), start
        with open(path, "rb") as f:
            f.seek(start)
            while pos <= end:
                if pos == at.get("truncate"):
                    return
                if pos >= stop or pos in (at.get("drop"), at.get("rst"), at.get("expire")):
                    if pos == at.get("expire"):
                        self.state.expire()
                    self.abort(reset=pos == at.get("rst"))
                    return
                if pos == at.get("stall"):
                    del at["stall"]
                    if not self.client_stays(faults["stall"].get("seconds", 60)):
                        self.close_connection = True
                        return
                n = min([CHUNK, end + 1 - pos, stop - pos] + [m - pos for m in at.values() if m > pos])
                if pos >= at.get("drip", pos + 1):
                    n = 1
                    if not self.client_stays(1):
                        self.close_connection = True
                        return
                self.send_block(name, self.spoilt(f.read(n), pos, at), faults)
                pos += n
                if self.state.rate:
                    time.sleep(max(0.0, began + (pos - start) / self.state.rate - time.monotonic()))
        if "chunked" in faults:
            self.wfile.write(b"0\r\n\r\n")

    @staticmethod
    def spoilt(block, pos, at):
        if pos == at.get("flip"):
            return bytes([block[0] ^ 1]) + block[1:]
        if pos >= at.get("other", pos + 1):
            return bytes(b ^ 0x55 for b in block)
        return block

    def send_block(self, name, block, faults):
        if "chunked" in faults:
            size = b"zz" if faults["chunked"].get("broken") else b"%x" % len(block)
            self.wfile.write(size + b"\r\n" + block + b"\r\n")
        else:
            self.wfile.write(block)
        self.state.count(name, len(block))
