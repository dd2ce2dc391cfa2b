#!/usr/bin/env bash
# urllib3 2.8.0 and pycurl 7.49.0: over connections that are open, threads with urllib3 pay seven times the CPU
# time of libcurl on one thread for the same small posts.
#
# A good guess: with connections kept open a small request is a write and a read, so which client makes it hardly
# matters beside the network, and sixteen threads of a pool are the cheap way to make fifty at once.
# What happens: each answer's head becomes an e-mail message (`http.client`), and each call passes some forty functions
# of Python, 0.14 ms on a machine where libcurl takes 0.02; more threads add to it, as they take turns at one
# interpreter. For users: a fan-out that tells fifty sockets of each message spends most of its function's time there,
# and Lambda bills that time. libcurl's multi interface makes the fifty on one thread, without a thread waiting.
# Source: https://curl.se/libcurl/c/libcurl-multi.html; urllib3/connectionpool.py (urlopen) and http/client.py
# (parse_headers); https://urllib3.readthedocs.io/en/stable/advanced-usage.html (thread safety).
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check urllib3==2.8.0 pycurl==7.49.0
cat > "$here/server.py" <<'EOF'
import asyncio


class Posts(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.seen = transport, b""

    def data_received(self, data):
        self.seen += data
        while b"\r\n\r\n" in self.seen:
            head, _, rest = self.seen.partition(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
            if len(rest) < length:
                return
            self.seen = rest[length:]
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n")


async def main():
    server = await asyncio.get_running_loop().create_server(Posts, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
EOF
"$here/venv/bin/python" - "$here/server.py" <<'EOF'
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pycurl
import urllib3

server = subprocess.Popen([sys.executable, sys.argv[1]], stdout=subprocess.PIPE, text=True)
assert server.stdout is not None
port = int(server.stdout.readline())
POSTS, BODY, HEADERS = 50, b"x" * 400, {"Authorization": "x" * 150}
urls = [f"http://127.0.0.1:{port}/sockets/{number}" for number in range(POSTS)]
pool = urllib3.PoolManager(maxsize=16, retries=False, timeout=3)
threads = ThreadPoolExecutor(16)
multi = pycurl.CurlMulti()
multi.setopt(pycurl.M_MAX_TOTAL_CONNECTIONS, 16)


def by_urllib3():
    statuses = threads.map(lambda url: pool.urlopen("POST", url, body=BODY, headers=HEADERS).status, urls)
    assert set(statuses) == {200}


def handle():
    made = pycurl.Curl()
    made.setopt(pycurl.NOSIGNAL, 1)
    made.setopt(pycurl.TIMEOUT_MS, 3000)
    made.setopt(pycurl.HTTPHEADER, [f"{name}: {value}" for name, value in HEADERS.items()])
    return made


handles = [handle() for _ in urls]


def by_libcurl():
    for each, url in zip(handles, urls):
        each.setopt(pycurl.URL, url)
        each.setopt(pycurl.POSTFIELDS, BODY)
        multi.add_handle(each)
    left = POSTS
    while left:
        _, left = multi.perform()
        if left:
            multi.select(1.0)
    for each in handles:
        assert each.getinfo(pycurl.RESPONSE_CODE) == 200
        multi.remove_handle(each)


def cpu_us(posts):
    began = time.process_time()
    posts()
    return (time.process_time() - began) / POSTS * 1e6


try:
    taken = {posts: [] for posts in (by_urllib3, by_libcurl)}
    for turn in range(41):
        for posts, times in taken.items():
            times.append(cpu_us(posts))
    old, new = (statistics.median(times[1:]) for times in taken.values())
finally:
    server.terminate()
    server.wait()
print(f"urllib3 {urllib3.__version__} {old:.0f} us of CPU time a post, {pycurl.version.split()[0]} {new:.0f}: {old / new:.1f} times")
assert old / new > 2.5, "urllib3 is cheaper now: this finding is out of date"
EOF
