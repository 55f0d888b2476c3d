"""Opens the app on a trace, from a script, a notebook or a debugger.

The app is a process of its own: inside this one it would block, bind every address and lose the project's settings.
Nothing here imports it.
"""

from __future__ import annotations

import atexit
import importlib.util
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.export.save_trace import save_trace
from engine.record.recorder import record
from engine.record.trace import Trace

_PROJECT = Path(__file__).resolve().parents[2]
_APP = _PROJECT / "app.py"
_HOST = "127.0.0.1"
_PATIENCE = 120.0  # seconds until a slow machine has loaded the app
_NO_APP = (
    "the app is started from the project's folder, which is not there: {path}; install the project with pip install -e"
)
_NO_STREAMLIT = "the app needs Streamlit, which is not installed here: pip install streamlit"
_DID_NOT_START = "the app did not start: {last}"
_TOO_SLOW = "the app did not answer at {address} within {seconds:.0f} s"
_OPENED = "{name} is open at {address}"
_WAITS = "The app at {address} stays until Ctrl-C."
# The app ends when its standard input does: with this process, however that ends.
_CHILD = (
    "import os, runpy, sys, threading\n"
    "threading.Thread(target=lambda: (sys.stdin.buffer.read(), os._exit(0)), daemon=True).start()\n"
    "sys.argv[0] = 'streamlit'\n"
    "runpy.run_module('streamlit', run_name='__main__')\n"
)


class AppError(RuntimeError):
    """The app could not be started; one line says why."""


def explore(target: Any, /, *args: Any, **kwargs: Any) -> None:
    """Opens the app on a trace, or on what a call computes, in the browser, and returns.

    The address is printed. The first call starts the app on this computer alone; later calls use it again. It ends with
    this process: a notebook's kernel takes it along, and a script waits at its end until Ctrl-C.

    Args:
        target: a trace; or anything callable, which is recorded.
        args, kwargs: what it is called with.

    Raises:
        AppError: the app cannot be started.
        Whatever ``target`` raises, after the app was opened on what ran before.
    """
    if isinstance(target, Trace):
        _open(target, "trace")
        return
    name = getattr(target, "__name__", type(target).__name__)
    try:
        trace = record(target, *args, **kwargs)
    except Exception as error:
        if isinstance(getattr(error, "trace", None), Trace):
            _open(error.trace, name)  # type: ignore[attr-defined]
        raise
    _open(trace, name)


def run_app(path: Path) -> int:
    """Runs the app on a saved trace until it ends, by Ctrl-C for instance; its exit status.

    Raises:
        AppError: the app is not installed.
    """
    _check_installed()
    command = [sys.executable, "-m", "streamlit", "run", str(_APP), "--server.address", _HOST, "--", str(path)]
    process = subprocess.Popen(command, cwd=_PROJECT)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:  # the app got it too, and ends by itself
            continue


class _App:
    """The running app, and the folder of the traces that it may open."""

    def __init__(self) -> None:
        _check_installed()
        self._traces = tempfile.TemporaryDirectory(prefix="tensor-shape-explorer-")
        with socket.socket() as free:
            free.bind((_HOST, 0))
            port = free.getsockname()[1]
        self.folder = Path(self._traces.name)
        self.address = f"http://{_HOST}:{port}"
        self._log = (self.folder / "log.txt").open("w+b")
        options = ["--server.address", _HOST, "--server.port", str(port), "--server.headless", "true"]
        self._process = subprocess.Popen(
            [sys.executable, "-c", _CHILD, "run", str(_APP), *options, "--", str(self.folder)],
            cwd=_PROJECT,
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=self._log,
            # Interrupting a notebook's cell, or Ctrl-C in a script, is not meant for the app.
            start_new_session=True,
        )
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.end()
            raise

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def wait(self) -> None:
        """Waits until the app ends, or Ctrl-C."""
        try:
            print(_WAITS.format(address=self.address), flush=True)
            self._process.wait()
        except KeyboardInterrupt:
            pass

    def end(self) -> None:
        """Ends the app and takes its traces away."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
        self._traces.cleanup()

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        # A proxy of the environment has nothing to do with this computer's own address.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        while time.monotonic() < deadline:
            if not self.is_running:
                self._log.seek(0)
                lines = self._log.read().decode(errors="replace").split("\n")
                raise AppError(_DID_NOT_START.format(last=next((line for line in reversed(lines) if line.strip()), "")))
            try:
                with opener.open(f"{self.address}/_stcore/health", timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise AppError(_TOO_SLOW.format(address=self.address, seconds=_PATIENCE))


_running: _App | None = None


def _open(trace: Trace, name: str, show: Callable[[str], Any] = webbrowser.open) -> None:
    global _running
    if _running is None or not _running.is_running:
        _running = _App()
        atexit.unregister(_end)
        atexit.register(_end)
    path = _free_path(_running.folder, re.sub(r"\W+", "-", name, flags=re.ASCII).strip("-") or "trace")
    save_trace(trace, path)
    address = f"{_running.address}/?trace={path.stem}"
    print(_OPENED.format(name=name, address=address), flush=True)
    show(address)


def _free_path(folder: Path, name: str) -> Path:
    """A file of this name, with a number after it where there is one already."""
    number = 1
    path = folder / f"{name}.trace"
    while path.exists():
        number += 1
        path = folder / f"{name}-{number}.trace"
    return path


def _end() -> None:
    """At the end of this process: a script waits for Ctrl-C; an interactive session takes the app along."""
    if _running is None:
        return
    interrupted = getattr(sys, "last_type", None) is KeyboardInterrupt
    if _running.is_running and not _is_interactive() and not interrupted:
        _running.wait()
    _running.end()


def _is_interactive() -> bool:
    return hasattr(sys, "ps1") or bool(sys.flags.interactive) or "ipykernel" in sys.modules


def _check_installed() -> None:
    if not _APP.is_file():
        raise AppError(_NO_APP.format(path=_APP))
    if importlib.util.find_spec("streamlit") is None:
        raise AppError(_NO_STREAMLIT)
