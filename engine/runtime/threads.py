"""One thread for many small operations."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

_USUAL = torch.get_num_threads()


@contextmanager
def one_thread() -> Iterator[None]:
    """Keeps PyTorch on one thread.

    Sharing work of microseconds between threads costs more than it saves, on a busy machine a hundred times more; and
    each new Python thread would also start a pool of OpenMP threads of its own.
    """
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(_USUAL)
