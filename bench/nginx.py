"""nginx over a folder, for what is measured through it or beside it."""
import os
import socket
import subprocess
import time

CONFIG = """
daemon off; worker_processes 1; pid {dir}/nginx.pid; error_log {dir}/nginx.log;
events {{ worker_connections 256; }}
http {{
    access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000;
    client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2; fastcgi_temp_path {dir}/t3;
    uwsgi_temp_path {dir}/t4; scgi_temp_path {dir}/t5;
    server {{ listen 127.0.0.1:{port}; root {dir}/served; }}
}}
"""


def start(folder):
    """Serve folder/served.  The process, to be terminated, and the port."""
    with socket.create_server(('127.0.0.1', 0)) as probe:  # a port that is free
        port = probe.getsockname()[1]
    config = os.path.join(folder, 'nginx.conf')
    with open(config, 'w', encoding='utf-8') as f:
        if os.geteuid() == 0:
            f.write('user root;')
        f.write(CONFIG.format(dir=folder, port=port))
    os.environ['PATH'] += ':/usr/sbin'
    process = subprocess.Popen(['nginx', '-p', folder, '-c', config, '-e',
                                folder + '/nginx.log'])
    for _ in range(100):
        if os.path.exists(folder + '/nginx.pid') and process.poll() is None:
            return process, port
        time.sleep(0.05)
    process.terminate()
    raise SystemExit('nginx does not start')
