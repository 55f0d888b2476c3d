"""Programs that do to their process, to its watcher and to the caller what code can do, and how each must end."""

from __future__ import annotations

from dataclasses import dataclass

from engine.sandbox.code_run import EndingKind as Kind


@dataclass(frozen=True)
class HostileProgram:
    """One program.

    Attributes:
        name: what it does.
        text: the program; ``{outside}`` stands for a folder that is not its own.
        endings: the ways in which it may be told to have ended.
        line: the line that must be named, where one must.
    """

    name: str
    text: str
    endings: tuple[Kind, ...]
    line: int | None = None


_STARTED = "import os, signal, socket, subprocess, sys, time, torch\n"
_ENDED = "result = torch.ones(2)\n"
_ALL = (
    ("loops for ever", "while True:\n    pass\n", (Kind.TIMED_OUT,), 2),
    ("catches everything and loops", "while True:\n    try:\n        time.sleep(1)\n    except BaseException:\n        pass\n", (Kind.TIMED_OUT,), None),
    ("never returns from C", "sum(range(10**15))\n", (Kind.TIMED_OUT,), None),
    ("calls exit", "x = torch.ones(2)\nexit()\n", (Kind.EXITED,), 3),
    ("ends its process at once", "os._exit(3)\n", (Kind.EXITED,), None),
    ("ends its process as if all were well", "os._exit(0)\n", (Kind.EXITED,), None),
    ("is a fork bomb", "while True:\n    os.fork()\n", (Kind.TOO_MANY_PROCESSES, Kind.TIMED_OUT, Kind.RAISED), None),
    ("is a bomb of threads", "import threading\nwhile True:\n    threading.Thread(target=time.sleep, args=(99,)).start()\n", (Kind.RAISED, Kind.TIMED_OUT, Kind.OUT_OF_MEMORY), None),
    ("wants 20 GiB of tensors at once", "x = torch.ones(5 * 2**30)\n", (Kind.OUT_OF_MEMORY,), 2),
    ("wants 20 GiB of tensors in pieces", "kept = []\nfor _ in range(320):\n    kept.append(torch.ones(2**24))\n", (Kind.OUT_OF_MEMORY,), 4),
    ("wants 20 GiB in many processes", "for _ in range(60):\n    if os.fork() == 0:\n        x = torch.ones(2**24)\n        time.sleep(99)\ntime.sleep(99)\n", (Kind.OUT_OF_MEMORY,), None),
    ("wants 20 GiB of bytes", "x = bytearray(20 * 2**30)\n", (Kind.OUT_OF_MEMORY,), 2),
    ("frees its limits and wants 20 GiB", "import resource\nfor kind in (resource.RLIMIT_AS,):\n    resource.setrlimit(kind, (resource.getrlimit(kind)[1],) * 2)\nx = torch.ones(5 * 2**30)\n", (Kind.OUT_OF_MEMORY,), None),
    ("closes every file", "os.closerange(0, 1000)\n", (Kind.FINISHED,), None),
    ("writes to every file", "for number in range(3, 100):\n    try:\n        os.write(number, b'{}' * 1000)\n    except OSError:\n        pass\n", (Kind.FINISHED,), None),
    ("prints for ever", "while True:\n    print('x' * 10000)\n", (Kind.TIMED_OUT,), 3),
    ("writes a huge file", "with open('huge', 'wb') as file:\n    while True:\n        file.write(bytes(2**24))\n", (Kind.RAISED, Kind.TIMED_OUT), None),
    ("writes a huge trace", "with open('run.trace', 'wb') as file:\n    file.truncate(2**28)\nos._exit(0)\n", (Kind.EXITED,), None),
    ("links its trace to a device", "os.symlink('/dev/zero', 'run.trace')\nos._exit(0)\n", (Kind.EXITED,), None),
    ("makes pipes of its results", "os.mkfifo('run.trace')\nos.mkfifo('ending.json')\nos._exit(0)\n", (Kind.EXITED,), None),
    ("links its folder elsewhere", "here = os.getcwd()\nimport shutil\nshutil.rmtree(here)\nos.symlink('{outside}', here)\nos._exit(0)\n", (Kind.EXITED,), None),
    ("takes all rights from its folder", "os.makedirs('a/b')\nos.chmod('a/b', 0)\nos.chmod('a', 0)\nos.symlink('{outside}', 'c')\nos.chmod('.', 0)\n", (Kind.FINISHED, Kind.EXITED, Kind.CRASHED), None),
    ("says that it ended otherwise", "import json\nopen('ending.json', 'w').write(json.dumps({'kind': ['x'], 'line': 'y', 'seconds': {}, 'target': 3}))\nos._exit(0)\n", (Kind.EXITED,), None),
    ("leaves a daemon", "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        subprocess.Popen(['sleep', '98765'], start_new_session=True)\n        time.sleep(98765)\n    os._exit(0)\nos.wait()\n", (Kind.FINISHED,), None),
    ("leaves a daemon without an environment", "subprocess.Popen(['setsid', 'sleep', '98765'], env={}, start_new_session=True)\n", (Kind.FINISHED,), None),
    ("leaves a process whose first thread is over", "import ctypes, threading\nif os.fork() == 0:\n    os.setsid()\n    threading.Thread(target=time.sleep, args=(98765,)).start()\n    ctypes.CDLL(None).pthread_exit(None)\ntime.sleep(0.2)\n", (Kind.FINISHED,), None),
    ("kills its parents", "for _ in range(3):\n    try:\n        os.kill(os.getppid(), signal.SIGKILL)\n    except OSError:\n        pass\n", (Kind.FINISHED, Kind.LOST), None),
    ("kills everything it sees", "for pid in range(1, 40000):\n    if pid != os.getpid():\n        try:\n            os.kill(pid, signal.SIGKILL)\n        except OSError:\n            pass\n", (Kind.FINISHED,), None),
    ("stops its parents", "try:\n    os.kill(os.getppid(), signal.SIGSTOP)\nexcept OSError:\n    pass\n", (Kind.FINISHED, Kind.LOST), None),
    ("stops itself", "os.kill(os.getpid(), signal.SIGSTOP)\n", (Kind.TIMED_OUT,), None),
    ("ignores every signal", "for number in range(1, 65):\n    try:\n        signal.signal(number, signal.SIG_IGN)\n    except (OSError, ValueError):\n        pass\nwhile True:\n    pass\n", (Kind.TIMED_OUT,), None),
    ("crashes in C", "import ctypes\nctypes.string_at(0)\n", (Kind.CRASHED,), None),
    ("aborts", "os.abort()\n", (Kind.CRASHED,), None),
    ("kills itself", "os.kill(os.getpid(), signal.SIGTERM)\ntime.sleep(99)\n", (Kind.CRASHED,), None),
    ("recurses without an end", "def f(): f()\nf()\n", (Kind.RAISED,), 2),
    ("raises what cannot be printed", "class E(Exception):\n    def __str__(self): os.abort()\nraise E\n", (Kind.RAISED, Kind.CRASHED), None),
    ("asks for a word", "input()\n", (Kind.RAISED,), 2),
    ("breaks what the engine uses", "import json, pathlib\njson.dumps = os.replace = pathlib.Path.write_text = None\n", (Kind.EXITED,), None),
    ("leaves a thread that runs on", "import threading\nthreading.Thread(target=time.sleep, args=(98765,)).start()\n", (Kind.FINISHED,), None),
    ("has a null character", "x = '\0'\n", (Kind.SYNTAX_ERROR, Kind.RAISED), None),
)
HOSTILE_PROGRAMS = tuple(HostileProgram(name, _STARTED + text + _ENDED, endings, line) for name, text, endings, line in _ALL)
