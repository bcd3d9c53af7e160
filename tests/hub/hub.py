#!/usr/bin/env python3
"""A small hub on loopback that speaks the protocol of a real one, faults included.

    hub.py [ROOT] [--repo org/name=DIR]... [--rate BYTES_PER_S] [--fault KIND[:k=v,...]]...

ROOT holds org/repo/files...; --repo serves one folder as a repository.  The
first line on standard output is "port N"; SIGTERM ends it.

A file lives at /org/repo/resolve/REV/PATH.  HEAD and GET there answer 302 with
the hub's headers and an absolute, "signed" URL on a second port, the CDN, which
serves ranges.  The API has /api/models/org/repo/revision/REV, .../tree/REV, and
/api/models?search=WORDS.

Control, for tests:
    GET  /_stats   {"bytes": {path: data bytes sent}, "requests": [...]}
    POST /_reset   forget the statistics
    POST /_faults  replace the list of faults by the JSON list in the body
    POST /_expire  every signed URL handed out so far answers 403 from now on

What a fault is, faults.py tells.
"""
import argparse
import contextlib
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
import urllib.parse

from faults import Faults, parse_fault
from repos import Repos
from sender import Sender


class State:
    def __init__(self, args):
        self.lock = threading.Lock()
        self.repos = Repos(args.root, dict(args.repo), args.plain)
        self.faults = Faults(args.fault)
        self.rate = args.rate
        self.token = args.token
        self.gated = set(args.gate)
        self.private = set(args.private)
        self.renamed = dict(args.rename)
        self.cdn_host = args.cdn_host
        self.cdn_port = 0
        self.cdn_scheme = "https" if args.tls and not args.plain_cdn else "http"
        self.signed = {}  # key: [path, uses left]
        self.active = {}  # file: how many requests for its data are under way
        self.reset()

    def reset(self):
        with self.lock:
            self.bytes = {}
            self.requests = []

    def sign(self, path, uses):
        key = secrets.token_hex(8)
        with self.lock:
            self.signed[key] = [path, uses]
        return key

    def use(self, key):
        """The file that a signed URL is for, or None."""
        with self.lock:
            entry = self.signed.get(key)
            if entry is None or entry[1] <= 0:
                return None
            entry[1] -= 1
            return entry[0]

    def expire(self):
        with self.lock:
            self.signed.clear()

    @contextlib.contextmanager
    def under_way(self, name):
        """Counts a request; gives the number of others for the same file."""
        with self.lock:
            others = self.active.get(name, 0)
            self.active[name] = others + 1
        try:
            yield others
        finally:
            with self.lock:
                self.active[name] -= 1

    def note(self, entry):
        with self.lock:
            self.requests.append(entry)
            del self.requests[:-10000]

    def count(self, name, n):
        with self.lock:
            self.bytes[name] = self.bytes.get(name, 0) + n


class Handler(Sender, http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "test-hub"
    state = None
    role = "hub"

    def setup(self):
        super().setup()
        self.spared = set()  # faults that pass over this connection

    def log_message(self, *args):
        pass

    # ---- replies -------------------------------------------------------

    def reply(self, code, headers=None, body=b"", kind="text/plain", without=()):
        self.send_response(code)
        fields = {"Content-Type": kind, "Content-Length": len(body), **(headers or {})}
        for name, value in fields.items():
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
        if "hang" in faults and not self.client_stays(faults["hang"].get("seconds", 60)):
            self.close_connection = True
        elif "reset" in faults:
            self.abort(reset=True)
        elif "garbage" in faults:
            self.wfile.write(b"\0\1\2 this is not HTTP\r\n\r\n")
            self.close_connection = True
        elif "status" in faults:
            f = faults["status"]
            self.reply(f.get("code", 503), {
                "Retry-After": f.get("retry_after"), "RateLimit": f.get("ratelimit"),
                "X-Error-Code": f.get("error_code"), "X-Error-Message": f.get("message"),
            }, b"refused by the test\n")
        elif "portal" in faults:
            page = b"<html><body>Please log in to the WiFi</body></html>"
            self.reply(200, None, page, "text/html")
        elif "loop" in faults:
            self.reply(302, {"Location": urllib.parse.urlsplit(self.path).path})
        elif "to" in faults:
            self.reply(302, {"Location": faults["to"]["url"]})
        elif "host" in faults or "plain" in faults:
            host = "localhost" if "host" in faults else "127.0.0.1"
            scheme = "http" if "plain" in faults else self.state.cdn_scheme
            self.reply(302, {"Location": f"{scheme}://{host}:{self.server.server_address[1]}"
                                         f"{self.path}"})
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
        if self.path == "/_reset":
            state.reset()
        elif self.path == "/_faults":
            state.faults.set(json.loads(body or b"[]"))
        elif self.path == "/_expire":
            state.expire()
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
            elif path == "/api/models":
                self.serve_search()
            elif match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/(revision|tree)/([^/]+)", path):
                self.serve_api(*match.groups())
            elif match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
                self.serve_resolve(*match.groups())
            else:
                self.refuse(404, "NotFound", "no such page")
        except (OSError, ssl.SSLError, ValueError):  # the client, or a fault, closed it
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

    def serve_search(self):
        """The repositories with all the words in their name; private ones are not told."""
        if self.common_fault(self.state.faults.hits("api", "search")):
            return
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        words = " ".join(query.get("search", [])).lower().split()
        hits = [{"id": repo, "downloads": 1000 - number, "likes": number,
                 "gated": "manual" if repo in self.state.gated else False,
                 "lastModified": "2026-01-02T03:04:05.000Z", "tags": ["gguf"]}
                for number, repo in enumerate(self.state.repos.names())
                if repo not in self.state.private and all(w in repo.lower() for w in words)]
        self.reply_json(hits[:int(query.get("limit", ["20"])[0])])

    def serve_api(self, repo, what, rev):
        faults = self.state.faults.hits("api", repo)
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
        entries += [{"type": "directory", "oid": "0" * 40, "size": 0, "path": f}
                    for f in sorted(folders)]
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        first, page = int(query.get("cursor", ["0"])[0]), int(os.environ.get("HUB_PAGE", "1000"))
        headers = {}
        if first + page < len(entries):
            url = f"http://{self.headers['Host']}{urllib.parse.urlsplit(self.path).path}"
            headers["Link"] = f'<{url}?recursive=true&cursor={first + page}>; rel="next"'
        self.reply_json(entries[first:first + page], headers)

    def serve_resolve(self, repo, rev, file):
        faults = self.state.faults.hits("head", f"{repo}/{file}")
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
        if "header" in faults:
            headers[faults["header"]["name"]] = faults["header"]["value"]
        if not repos.is_lfs(file): # kept in git: the hub itself has the bytes
            if self.command == "HEAD":
                self.reply(200, {**headers, "ETag": f'"{etag}"', "Content-Length": size},
                           without=without)
            else:
                self.send_file(f"{repo}/{file}", path, f'"{etag}"', headers)
            return
        key = self.state.sign(path, faults.get("uses", {}).get("n", float("inf")))
        url = (f"{self.state.cdn_scheme}://{self.state.cdn_host}:{self.state.cdn_port}/{key}/"
               f"{urllib.parse.quote(repo + '/' + file)}?X-Amz-Expires=3600&sig={key}")
        self.reply(302, {**headers, "Location": url, "X-Linked-Size": size,
                         "X-Linked-Etag": f'"{etag}"', "ETag": f'"{etag}"'},
                   b"Found. Redirecting to the CDN\n", without=without)

    # ---- data ----------------------------------------------------------

    def serve_data(self, path):
        key, _, name = path.lstrip("/").partition("/")
        file = self.state.use(key)
        if file is None:
            self.reply(403, None, b"<Error><Code>AccessDenied</Code></Error>", "application/xml")
            return
        if self.command == "HEAD":
            self.reply(403, None, b"signed for GET only\n")
            return
        self.send_file(name, file, f'"{self.state.repos.facts(file)[1][:32]}"', {})


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def server_bind(self):
        # Little is under way that was counted and may be thrown away.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024)
        super().server_bind()

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
