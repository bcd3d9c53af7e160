"""An OpenAI-compatible endpoint on loopback that does what it is told, wrong as
well as right.  A manner is a function that gets the connection and the request."""
import json
import socket
import ssl
import threading

TEXTS = ['Hello', ' from', ' else', 'where', ' é✓.']
TEXT = ''.join(TEXTS)


class Request:
    def __init__(self, head, body):
        first, *lines = head.decode('latin-1').split('\r\n')
        self.method, self.path, _ = first.split(' ', 2)
        self.headers = {name.lower(): value.strip()
                        for name, _, value in (line.partition(':') for line in lines if line)}
        self.body = body
        self.json = json.loads(body) if body else None


class Endpoint:
    """Use with `with`; `requests` holds what was asked.  `tls`: a PEM file with the
    certificate and its key."""

    def __init__(self, manner=None, tls=None):
        self.manner = manner or answer()
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if tls else None
        if tls:
            self.tls.load_cert_chain(tls)
        self.requests = []
        self.gone = threading.Event()  # a client went away before its answer's end
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.url = f'http{"s" if tls else ""}://127.0.0.1:{self.listener.getsockname()[1]}/v1'
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection:
            try:
                if self.tls:
                    connection = self.tls.wrap_socket(connection, server_side=True)
                request = read_request(connection)
                if request:
                    self.requests.append(request)
                    self.manner(connection, request)
            except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
                self.gone.set()


def read_request(connection):
    data = b''
    while b'\r\n\r\n' not in data:
        more = connection.recv(65536)
        if not more:
            return None
        data += more
    head, body = data.split(b'\r\n\r\n', 1)
    request = Request(head, b'')
    length = int(request.headers.get('content-length', 0))
    while len(body) < length:
        body += connection.recv(65536)
    return Request(head, body)


# ---- what to say ----

def head(code=200, kind='text/event-stream', *lines):
    return ''.join(line + '\r\n' for line in (
        f'HTTP/1.1 {code} Whatever', f'Content-Type: {kind}', 'Connection: close', *lines, '')
    ).encode()


def event(value):
    return b'data: ' + json.dumps(value).encode() + b'\n\n'


def delta(text, chat=True, finish=None):
    choice = {'index': 0, 'finish_reason': finish}
    choice.update({'delta': {'content': text}} if chat else {'text': text})
    return event({'id': 'x', 'object': 'chat.completion.chunk', 'choices': [choice]})


def usage(prompt=7, output=5, cached=3):
    return event({'choices': [], 'usage': {
        'prompt_tokens': prompt, 'completion_tokens': output,
        'prompt_tokens_details': {'cached_tokens': cached}}})


def said(**fields):
    return event({'choices': [{'index': 0, 'delta': fields, 'finish_reason': None}]})


# A thought, words, and two calls, the first in fragments.
THOUGHT, WORDS = 'Weather is asked for…', 'I look.'
CALLED = [('f', {'a': 'é'}), ('g', {})]


def sections():
    def fragment(index, **fields):
        return said(tool_calls=[{'index': index, **fields}])
    return [said(reasoning_content=THOUGHT[:7]), said(reasoning=THOUGHT[7:]), said(content=WORDS),
            fragment(0, id='abcdefghi', type='function', function={'name': 'f', 'arguments': ''}),
            fragment(0, function={'arguments': '{"a": '}), fragment(0, function={'arguments': '"é"}'}),
            fragment(1, id='b', function={'name': 'g', 'arguments': '{}'}),
            delta(None, True, 'tool_calls'), usage(), DONE]


DONE = b'data: [DONE]\n\n'


def events(chat, finish='stop'):
    return [*(delta(text, chat) for text in TEXTS), delta(None if chat else '', chat, finish),
            usage(), DONE]


# ---- manners ----

def answer(finish='stop', cut=None):
    """The whole answer; `cut`: in pieces of so many bytes."""
    def manner(connection, request):
        data = b''.join(events('messages' in request.json, finish))
        connection.sendall(head())
        for at in range(0, len(data), cut or len(data)):
            connection.sendall(data[at:at + (cut or len(data))])
    return manner


def say(*parts):
    """These bytes, then the end."""
    def manner(connection, _):
        for part in parts:
            connection.sendall(part)
    return manner


def refuse(code, body=b'', *lines, kind='application/json'):
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    return say(head(code, kind, f'Content-Length: {len(body)}', *lines) + body)


def endless(first, again):
    """`again` until the client has had enough."""
    def manner(connection, _):
        connection.sendall(first)
        while True:
            connection.sendall(again)
    return manner


def silent(*parts):
    """Say these, then nothing, until the client goes."""
    def manner(connection, _):
        for part in parts:
            connection.sendall(part)
        while connection.recv(65536):
            pass
        raise ConnectionResetError
    return manner
