"""A process that has loaded torch and the engine and runs nobody's code: it forks one that does, in milliseconds.

Its standard input is a socket, through which each run's own channel comes. It ends when its caller does, or when nobody
has asked it for anything for a while.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import socket

import torch

from engine.record.recorder import record
from engine.sandbox import linux
from engine.sandbox.keeper import keep

_IDLE = 900.0  # seconds


def serve(control: socket.socket) -> None:
    """Forks a keeper for every channel that comes."""
    linux.become_subreaper()  # of what outlives a keeper
    _load_what_every_run_needs()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for keepers
    while select.select([control], [], [], _IDLE)[0]:
        data, channels, _, _ = socket.recv_fds(control, 1, 1)
        if not data:
            return
        for channel in channels:
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                control.close()
                try:
                    keep(socket.socket(fileno=channel))
                finally:
                    os._exit(0)
            os.close(channel)


def _load_what_every_run_needs() -> None:
    torch.set_num_threads(1)  # a thread would not outlive a fork
    _ = record(lambda x: (x @ x.mT).softmax(-1), torch.ones(2, 2)).steps
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    serve(socket.socket(fileno=0))
