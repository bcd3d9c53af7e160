"""Folders served as repositories, and what is known of their files."""
import hashlib
import os
import re
import threading


class Repos:
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

    def names(self):
        """Every repository there is."""
        found = set(self.extra)
        for org in os.listdir(self.root) if self.root else ():
            path = os.path.join(self.root, org)
            if os.path.isdir(path):
                found |= {f"{org}/{name}" for name in os.listdir(path)}
        return sorted(repo for repo in found if self.folder(repo))

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
        key = (st.st_dev, st.st_ino, st.st_size, st.st_mtime_ns)
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
