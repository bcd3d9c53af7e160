#!/usr/bin/env python3
"""A small hub on loopback that speaks the protocol of a real one, faults included.

    hub.py [ROOT] [--repo org/name=DIR]... [--rate BYTES_PER_S] [--fault KIND[:k=v,...]]...

ROOT holds org/repo/files...; --repo serves one folder as a repository.  The
first line on standard output is "port N"; SIGTERM ends it.

A file lives at /org/repo/resolve/REV/PATH.  HEAD and GET there answer 302 with
the hub's headers and an absolute, "signed" URL on a second port, the CDN, which
serves ranges.  The API has /api/models/org/repo/revision/REV and .../tree/REV.

Control, for tests:
    GET  /_stats   {"bytes": {path: data bytes sent}, "requests": [...]}
    POST /_reset   forget the statistics
    POST /_faults  replace the list of faults by the JSON list in the body
    POST /_expire  every signed URL handed out so far answers 403 from now on

A fault is {"kind": K, "where": "head"|"data"|"api", "file": substring, "times": N,
"after": M (let M matching requests pass first), ...}:
    status   code=, retry_after=, ratelimit=, error_code=, message=    answer with this status
    flip     at=BYTE               one bit of that byte of the file is wrong
    drop     at=BYTE               the connection ends before that byte
    stall    at=BYTE, seconds=     silence before that byte
    drip     at=BYTE               one byte a second from there on
    whole                          200 with everything, whatever the Range
    crange   start=, end=, total=  added to the numbers in Content-Range
    length   add=                  added to Content-Length
    portal                         an HTML page with 200
    loop                           relative redirects in a circle
    to       url=                  redirect there (absolute)
    size     add=                  added to X-Linked-Size (and to the tree's sizes)
    etag     value=                X-Linked-Etag (head) or ETag (data) is this
    without  header=NAME           this header is left out
    zip                            gzip although identity was asked for
    json     text=                 the API answers with this text
"""

import argparse
import gzip
import hashlib
import http.server
import json
import os
import re
import secrets
import signal
import socket
import ssl
import sys
import threading
import time
import urllib.parse

CHUNK = 16 * 1024


def parse_fault(text):
    kind, _, rest = text.partition(":")
    fault = {"kind": kind}
    for item in filter(None, rest.split(",")):
        key, _, value = item.partition("=")
        fault[key] = int(value) if re.fullmatch(r"-?\d+", value) else value
    return fault


class Repos:
    """Folders served as repositories, and what is known of their files."""

    def __init__(self, root, extra, plain):
        self.root, self.extra, self.plain = root, extra, plain
        self.lock = threading.Lock()
        self.hashes = {}

    def folder(self, repo):
        if repo in self.extra:
            return self.extra[repo]
        if self.root and re.fullmatch(r"[\w.-]+/[\w.-]+", repo) and ".." not in repo:
            path = os.path.join(self.root, repo)
            if os.path.isdir(path):
                return path
        return None

    def files(self, repo):
        folder = self.folder(repo)
        found = []
        for base, dirs, names in os.walk(folder):
            dirs[:] = sorted(d for d in dirs if not d.startswith("."))
            for name in sorted(names):
                if not name.startswith("."):
                    found.append(os.path.relpath(os.path.join(base, name), folder))
        return found

    def path(self, repo, file):
        return os.path.join(self.folder(repo), file) if file in self.files(repo) else None

    def facts(self, path):
        """(size, sha256, git sha1) of a file; hashed once for each version of it."""
        st = os.stat(path)
        key = (path, st.st_size, st.st_mtime_ns)
        with self.lock:
            if key not in self.hashes:
                sha256 = hashlib.sha256()
                sha1 = hashlib.sha1(b"blob %d\0" % st.st_size)
                with open(path, "rb") as f:
                    while block := f.read(1 << 20):
                        sha256.update(block)
                        sha1.update(block)
                self.hashes[key] = (st.st_size, sha256.hexdigest(), sha1.hexdigest())
            return self.hashes[key]

    def is_lfs(self, file):
        return file.endswith(".gguf") and not (self.plain and self.plain in file)

    def commit(self, repo):
        digest = hashlib.sha1(repo.encode())
        for file in self.files(repo):
            st = os.stat(os.path.join(self.folder(repo), file))
            digest.update(f"{file} {st.st_size} {st.st_mtime_ns}\n".encode())
        return digest.hexdigest()


class State:
    def __init__(self, args):
        self.lock = threading.Lock()
        self.repos = Repos(args.root, dict(args.repo), args.plain)
        self.faults = list(args.fault)
        self.rate = args.rate
        self.token = args.token
        self.gated = set(args.gate)
        self.private = set(args.private)
        self.renamed = dict(args.rename)
        self.cdn_host = args.cdn_host
        self.cdn_port = 0
        self.cdn_scheme = "https" if args.tls and not args.plain_cdn else "http"
        self.signed = {}
        self.reset()

    def reset(self):
        self.bytes = {}
        self.requests = []

    def sign(self, path):
        key = secrets.token_hex(8)
        with self.lock:
            self.signed[key] = path
        return key

    def note(self, entry):
        with self.lock:
            self.requests.append(entry)
            del self.requests[:-10000]

    def count(self, name, n):
        with self.lock:
            self.bytes[name] = self.bytes.get(name, 0) + n

    def fault(self, where, name):
        """The faults that hit this request, each used up once."""
        hits = []
        with self.lock:
            for fault in self.faults:
                if fault.get("where", "data") != where or str(fault.get("file", "")) not in name:
                    continue
                if fault.get("after", 0) > 0:
                    fault["after"] -= 1
                    continue
                if "times" in fault:
                    if fault["times"] <= 0:
                        continue
                    fault["times"] -= 1
                hits.append(dict(fault))
        return {fault["kind"]: fault for fault in hits}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "test-hub"
    state = None
    role = "hub"

    def log_message(self, *args):
        pass

    # ---- replies -------------------------------------------------------

    def reply(self, code, headers=None, body=b"", kind="text/plain", without=()):
        self.send_response(code)
        for name, value in {"Content-Type": kind, "Content-Length": len(body), **(headers or {})}.items():
            if name.lower() not in without and value is not None:
                self.send_header(name, str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.record(code)

    def reply_json(self, value, headers=None):
        self.reply(200, headers, json.dumps(value).encode(), "application/json")

    def record(self, code):
        self.state.note({
            "role": self.role, "method": self.command, "path": self.path, "status": code,
            **{name: self.headers.get(name) for name in
               ("Host", "Range", "If-Range", "Authorization", "User-Agent", "Accept-Encoding")},
        })

    def refuse(self, code, error_code, message, headers=None):
        self.reply(code, {"X-Error-Code": error_code, "X-Error-Message": message, **(headers or {})},
                   json.dumps({"error": message}).encode(), "application/json")

    def common_fault(self, faults):
        """Faults that any request may have; True when one answered it."""
        if "status" in faults:
            f = faults["status"]
            self.reply(f.get("code", 503), {
                "Retry-After": f.get("retry_after"), "RateLimit": f.get("ratelimit"),
                "X-Error-Code": f.get("error_code"), "X-Error-Message": f.get("message"),
            }, b"refused by the test\n")
        elif "portal" in faults:
            self.reply(200, None, b"<html><body>Please log in to the WiFi</body></html>", "text/html")
        elif "loop" in faults:
            self.reply(302, {"Location": urllib.parse.urlsplit(self.path).path})
        elif "to" in faults:
            self.reply(302, {"Location": faults["to"]["url"]})
        elif "json" in faults:
            self.reply(200, None, faults["json"]["text"].encode(), "application/json")
        else:
            return False
        return True

    # ---- routing -------------------------------------------------------

    def do_HEAD(self):
        self.route()

    def do_GET(self):
        self.route()

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        state = self.state
        with state.lock:
            if self.path == "/_reset":
                state.reset()
            elif self.path == "/_faults":
                state.faults = json.loads(body or b"[]")
            elif self.path == "/_expire":
                state.signed.clear()
            elif self.path == "/_rate":
                state.rate = int(body)
            else:
                self.send_error(404)
                return
        self.send_response(204)
        self.end_headers()

    def route(self):
        try:
            path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
            if path == "/_stats":
                with self.state.lock:
                    text = json.dumps({"bytes": self.state.bytes, "requests": self.state.requests})
                self.send_response(200)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())
            elif self.role == "cdn":
                self.serve_data(path)
            elif match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/(revision|tree)/([^/]+)", path):
                self.serve_api(*match.groups())
            elif match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
                self.serve_resolve(*match.groups())
            else:
                self.refuse(404, "NotFound", "no such page")
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            self.close_connection = True

    def allowed(self, repo, head):
        """Checks rename, existence and access; answers itself when refused."""
        state = self.state
        if repo in state.renamed:
            self.reply(307, {"Location": self.path.replace(repo, state.renamed[repo], 1)})
            return False
        auth = self.headers.get("Authorization")
        good = state.token and auth == f"Bearer {state.token}"
        if auth and not good:
            self.refuse(401, None, "Invalid credentials in Authorization header")
        elif state.repos.folder(repo) is None or (repo in state.private and not good):
            # A real hub does not tell a private repository from a missing one.
            if good:
                self.refuse(404, "RepoNotFound", "Repository not found")
            else:
                self.refuse(401, "RepoNotFound", "Repository not found")
        elif repo in state.gated and not good:
            self.refuse(401, "GatedRepo", f"Access to model {repo} is restricted.")
        else:
            return True
        return False

    def known_revision(self, repo, rev):
        return rev == "main" or rev == self.state.repos.commit(repo)

    # ---- metadata ------------------------------------------------------

    def serve_api(self, repo, what, rev):
        faults = self.state.fault("api", repo)
        if self.common_fault(faults) or not self.allowed(repo, False):
            return
        repos = self.state.repos
        if not self.known_revision(repo, rev):
            self.refuse(404, "RevisionNotFound", f"Invalid rev id: {rev}")
            return
        commit = repos.commit(repo)
        if what == "revision":
            self.reply_json({"id": repo, "sha": commit, "gated": repo in self.state.gated,
                             "siblings": [{"rfilename": f} for f in repos.files(repo)]},
                            {"X-Repo-Commit": commit})
            return
        entries = []
        folders = set()
        for file in repos.files(repo):
            size, sha256, sha1 = repos.facts(repos.path(repo, file))
            size += faults.get("size", {}).get("add", 0)
            entry = {"type": "file", "oid": sha1, "size": size, "path": file}
            if repos.is_lfs(file):
                entry["lfs"] = {"oid": sha256, "size": size, "pointerSize": 134}
            if "/" in file:
                folders.add(os.path.dirname(file))
            entries.append(entry)
        entries += [{"type": "directory", "oid": "0" * 40, "size": 0, "path": f} for f in sorted(folders)]
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        first, page = int(query.get("cursor", ["0"])[0]), int(os.environ.get("HUB_PAGE", "1000"))
        headers = {}
        if first + page < len(entries):
            url = f"http://{self.headers['Host']}{urllib.parse.urlsplit(self.path).path}"
            headers["Link"] = f'<{url}?recursive=true&cursor={first + page}>; rel="next"'
        self.reply_json(entries[first:first + page], headers)

    def serve_resolve(self, repo, rev, file):
        faults = self.state.fault("head", f"{repo}/{file}")
        if self.common_fault(faults) or not self.allowed(repo, True):
            return
        repos = self.state.repos
        if not self.known_revision(repo, rev):
            self.refuse(404, "RevisionNotFound", f"Invalid rev id: {rev}")
            return
        path = repos.path(repo, file)
        commit = repos.commit(repo)
        if path is None:
            self.refuse(404, "EntryNotFound", "Entry not found", {"X-Repo-Commit": commit})
            return
        size, sha256, sha1 = repos.facts(path)
        size += faults.get("size", {}).get("add", 0)
        without = {faults["without"]["header"].lower()} if "without" in faults else ()
        etag = faults.get("etag", {}).get("value", sha256 if repos.is_lfs(file) else sha1)
        headers = {"X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        if not repos.is_lfs(file): # kept in git: the hub itself has the bytes
            if self.command == "HEAD":
                self.reply(200, {**headers, "ETag": f'"{etag}"', "Content-Length": size},
                           without=without)
            else:
                self.send_file(f"{repo}/{file}", path, f'"{etag}"', headers)
            return
        key = self.state.sign(path)
        url = (f"{self.state.cdn_scheme}://{self.state.cdn_host}:{self.state.cdn_port}/{key}/"
               f"{urllib.parse.quote(repo + '/' + file)}?X-Amz-Expires=3600&sig={key}")
        self.reply(302, {**headers, "Location": url, "X-Linked-Size": size,
                         "X-Linked-Etag": f'"{etag}"', "ETag": f'"{etag}"'},
                   b"Found. Redirecting to the CDN\n", without=without)

    # ---- data ----------------------------------------------------------

    def serve_data(self, path):
        key, _, name = path.lstrip("/").partition("/")
        with self.state.lock:
            file = self.state.signed.get(key)
        if file is None:
            self.reply(403, None, b"<Error><Code>AccessDenied</Code></Error>", "application/xml")
            return
        if self.command == "HEAD":
            self.reply(403, None, b"signed for GET only\n")
            return
        self.send_file(name, file, f'"{self.state.repos.facts(file)[1][:32]}"', {})

    def send_file(self, name, path, etag, headers):
        faults = self.state.fault("data", name)
        if self.common_fault(faults):
            return
        size = os.path.getsize(path)
        if "etag" in faults:
            etag = faults["etag"]["value"]
        start, end, code = 0, size - 1, 200
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        if match and "whole" not in faults and self.headers.get("If-Range") in (None, etag):
            start = int(match.group(1))
            end = min(int(match.group(2) or end), end)
            if start > end:
                self.reply(416, {"Content-Range": f"bytes */{size}"})
                return
            code = 206
        self.send_response(code)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("ETag", etag)
        self.send_header("Accept-Ranges", "bytes")
        if code == 206:
            add = faults.get("crange", {})
            self.send_header("Content-Range", f"bytes {start + add.get('start', 0)}-"
                             f"{end + add.get('end', 0)}/{size + add.get('total', 0)}")
        if "zip" in faults:
            with open(path, "rb") as f:
                f.seek(start)
                body = gzip.compress(f.read(end + 1 - start), 1)
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.record(code)
            return
        self.send_header("Content-Length", str(end + 1 - start + faults.get("length", {}).get("add", 0)))
        self.end_headers()
        self.record(code)
        self.send_body(name, path, start, end, faults)

    def send_body(self, name, path, start, end, faults):
        flip = faults.get("flip", {}).get("at")
        drop = faults.get("drop", {}).get("at")
        stall = faults.get("stall", {}).get("at")
        drip = faults.get("drip", {}).get("at")
        began, sent, pos = time.monotonic(), 0, start
        with open(path, "rb") as f:
            f.seek(start)
            while pos <= end:
                if drop is not None and pos >= drop:
                    self.abort()
                    return
                if stall is not None and pos >= stall:
                    time.sleep(faults["stall"].get("seconds", 60))
                    stall = None
                n = min(CHUNK, end + 1 - pos)
                for mark in (drop, stall, drip):
                    if mark is not None and pos < mark:
                        n = min(n, mark - pos)
                if drip is not None and pos >= drip:
                    n = 1
                    time.sleep(1)
                block = bytearray(f.read(n))
                if flip is not None and pos <= flip < pos + len(block):
                    block[flip - pos] ^= 1
                self.wfile.write(block)
                pos += len(block)
                sent += len(block)
                self.state.count(name, len(block))
                if self.state.rate:
                    time.sleep(max(0.0, began + sent / self.state.rate - time.monotonic()))
        if "length" in faults:
            self.abort()

    def abort(self):
        self.wfile.flush()
        self.close_connection = True
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass # clients of these tests go away in mid-air on purpose


def main():
    pair = lambda text: tuple(text.split("=", 1))
    parser = argparse.ArgumentParser(description="a test hub on loopback")
    parser.add_argument("root", nargs="?", help="folder with org/repo/files...")
    parser.add_argument("--repo", type=pair, action="append", default=[], metavar="ORG/NAME=DIR")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--rate", type=int, default=0, help="bytes a second for each connection")
    parser.add_argument("--fault", type=parse_fault, action="append", default=[])
    parser.add_argument("--token", help="the one token that is accepted")
    parser.add_argument("--gate", action="append", default=[], metavar="ORG/NAME")
    parser.add_argument("--private", action="append", default=[], metavar="ORG/NAME")
    parser.add_argument("--rename", type=pair, action="append", default=[], metavar="OLD=NEW")
    parser.add_argument("--plain", help="files with this in their name are kept in git, not LFS")
    parser.add_argument("--cdn-host", default="127.0.0.1")
    parser.add_argument("--tls", metavar="PEM", help="speak TLS with this certificate and key")
    parser.add_argument("--plain-cdn", action="store_true", help="only the hub speaks TLS")
    args = parser.parse_args()

    state = State(args)
    hub = Server(("127.0.0.1", args.port), type("Hub", (Handler,), {"state": state}))
    cdn = Server(("127.0.0.1", 0), type("Cdn", (Handler,), {"state": state, "role": "cdn"}))
    state.cdn_port = cdn.server_address[1]
    if args.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(args.tls)
        for server in (hub, cdn):
            if server is hub or not args.plain_cdn:
                server.socket = context.wrap_socket(server.socket, server_side=True,
                                                    do_handshake_on_connect=False)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))
    threading.Thread(target=cdn.serve_forever, daemon=True).start()
    print(f"port {hub.server_address[1]}", flush=True)
    hub.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
