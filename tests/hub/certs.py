"""Certificates for a test: an authority, and what it has signed, good and bad.

Needs the openssl command.  Each of good, expired, wrong_host and self_signed is
one PEM file with a certificate and its key, as hub.py --tls takes it;
authority is the certificate to trust."""
import os
import shutil
import subprocess


def available():
    return shutil.which("openssl") is not None


class Certs:
    def __init__(self, folder):
        self.folder = folder
        self.authority = os.path.join(folder, "authority.crt")
        self._openssl("req", "-x509", *self._key("authority"), "-days", "2",
                      "-subj", "/CN=Test authority", "-out", self.authority)
        self.good = self._signed("good", "IP:127.0.0.1", 2)
        self.expired = self._signed("expired", "IP:127.0.0.1", -1)
        self.wrong_host = self._signed("wrong_host", "DNS:elsewhere.invalid", 2)
        self.self_signed = os.path.join(folder, "self_signed.pem")
        self._openssl("req", "-x509", *self._key("self_signed"), "-days", "2",
                      "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
                      "-out", self.self_signed)
        self._append_key("self_signed")

    def _openssl(self, *args):
        subprocess.run(["openssl", *args], check=True, capture_output=True, cwd=self.folder)

    def _key(self, name):
        return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", name + ".key")

    def _append_key(self, name):
        path = os.path.join(self.folder, name)
        with open(path + ".pem", "a") as pem, open(path + ".key") as key:
            pem.write(key.read())

    def _signed(self, name, subject, days):
        with open(os.path.join(self.folder, name + ".ext"), "w") as f:
            f.write("subjectAltName=" + subject + "\n")
        self._openssl("req", "-new", *self._key(name), "-subj", "/CN=test hub",
                      "-out", name + ".csr")
        self._openssl("x509", "-req", "-in", name + ".csr", "-CA", self.authority,
                      "-CAkey", "authority.key", "-CAcreateserial", "-days", str(days),
                      "-extfile", name + ".ext", "-out", name + ".pem")
        self._append_key(name)
        return os.path.join(self.folder, name + ".pem")
