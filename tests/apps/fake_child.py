"""A stand-in for server, gateway and worker: answers /healthz, writes logs, notes how it ended."""

import argparse
import json
import os
import signal
import socket
import sys
import threading
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--fd", type=int)
    options = parser.parse_args()
    name = sys.argv[0] and os.environ.get("FAKE_NAME", Path(sys.argv[0]).stem.removeprefix("fake_"))
    if (options.home / f"{name}-broken").exists():
        print("this cannot start", flush=True)
        sys.exit(3)
    with (options.home / f"{name}.pids").open("a") as pids:
        pids.write(f"{os.getpid()}\n")

    def stop(number: int, frame: object) -> None:
        with (options.home / "order").open("a") as order:
            order.write(f"{name} {signal.Signals(number).name}\n")
        os._exit(0)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(json.dumps({"level": "info", "message": f"{name} started"}), flush=True)
    print(json.dumps({"level": "warning", "message": f"{name} warns"}), flush=True)
    print("no json", flush=True)
    if options.fd is None:
        threading.Event().wait()
    listener = socket.socket(fileno=options.fd)
    while True:
        connection, _ = listener.accept()
        connection.recv(4096)
        body = str(os.getpid()).encode()
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s" % (len(body), body))
        connection.close()
