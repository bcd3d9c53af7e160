"""What the test hub does wrong, when, and how often.

A fault is a dictionary.  Which requests it hits:
    kind                    what goes wrong; see the two lists below
    where   head|data|api   which server is asked what; data unless said
    file    TEXT            the repository and file hold this text
    covers  BYTE            the range that is asked for holds this byte
    spare   N               it passes over a request while fewer than N others for the
                            file are under way: "on all but N connections"
    faithful                with spare: a connection that it passed over once, it passes over
                            for ever, whatever else is under way
    no_range                the request has no Range
    after   N               it lets N such requests pass first
    times   N               and hits N of them

Instead of an answer:
    status   code=, retry_after=, ratelimit=, error_code=, message=    answer with this status
    portal                         an HTML page with 200
    loop                           relative redirects in a circle
    to       url=                  a redirect there (absolute)
    host                           a redirect to the same server under another name
    plain                          a redirect to http: what is encrypted no longer is
    json     text=                 this text as JSON
    garbage                        bytes that are no HTTP
    hang     seconds=              silence before the answer, which then is the usual one
    reset                          the connection is reset without an answer

In a head's or an API's answer:
    size     add=                  added to X-Linked-Size (and to the tree's sizes)
    etag     value=                X-Linked-Etag (head) or ETag (data) is this
    without  header=NAME           this header is left out
    header   name=, value=         this one is added
    uses     n=                    the signed URL answers 403 from its n-th use on

In data:
    flip     at=BYTE               one bit of that byte of the file is wrong
    other    at=BYTE               from that byte on it is another file
    drop     at=BYTE               the connection ends before that byte
    cut      bytes=N               the connection ends after N bytes of each answer
    rst      at=BYTE               it is reset before that byte
    stall    at=BYTE, seconds=     silence before that byte
    drip     at=BYTE               one byte a second from there on
    truncate at=BYTE               the answer says that it is whole, and ends before that byte
    short    bytes=N               an honest 206, of N bytes at most
    expire   at=BYTE               all signed URLs end there, and this connection too
    whole                          200 with everything, whatever the Range
    crange   start=, end=, total=  added to the numbers in Content-Range
    length   add=                  added to Content-Length
    chunked  broken=1              chunked, without a Content-Length; broken: a chunk's size is
                                   no number
    multipart                      the range as multipart/byteranges
    zip                            gzip although identity was asked for
    coding   value=                Content-Encoding says this; the data is as ever
"""
import re
import threading

# Those that happen at a byte hit only the requests that are for it.
AT_A_BYTE = ("flip", "drop", "rst", "stall", "truncate", "expire")
FROM_A_BYTE = ("drip", "other")


def parse_fault(text):
    """KIND[:k=v,...], as on the command line."""
    kind, _, rest = text.partition(":")
    fault = {"kind": kind}
    for item in filter(None, rest.split(",")):
        key, _, value = item.partition("=")
        fault[key] = int(value) if re.fullmatch(r"-?\d+", value) else value
    return fault


class Faults:
    """The faults in force; threads may share it."""

    def __init__(self, faults):
        self.lock = threading.Lock()
        self.set(faults)

    def set(self, faults):
        with self.lock:
            self.faults = [dict(fault) for fault in faults]

    @staticmethod
    def is_for(fault, where, name, span, others, spared):
        if fault.get("where", "data") != where or str(fault.get("file", "")) not in name:
            return False
        if others < fault.get("spare", 0) or id(fault) in spared:
            if "faithful" in fault:
                spared.add(id(fault))
            return False
        if "no_range" in fault and span is not None:
            return False
        begin, end = span or (0, float("inf"))
        if "covers" in fault and not begin <= fault["covers"] <= end:
            return False
        if fault["kind"] in AT_A_BYTE:
            return begin <= fault["at"] <= end
        if fault["kind"] in FROM_A_BYTE:
            return fault["at"] <= end
        return True

    def hits(self, where, name, span=None, others=0, spared=frozenset()):
        """The faults that hit this request, by kind; each is used up once.  `spared` is what
        its connection is safe from."""
        found = {}
        with self.lock:
            for fault in self.faults:
                if not self.is_for(fault, where, name, span, others, spared):
                    continue
                if fault.get("after", 0) > 0:
                    fault["after"] -= 1
                    continue
                if "times" in fault:
                    if fault["times"] <= 0:
                        continue
                    fault["times"] -= 1
                found.setdefault(fault["kind"], dict(fault))
        return found
