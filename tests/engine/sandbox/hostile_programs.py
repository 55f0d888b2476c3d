"""Programs that do to their process, to its watcher and to the caller what code can do, and how each must end."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from engine.sandbox.code_run import EndingKind


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
    endings: tuple[EndingKind, ...]
    line: int | None = None


OUTLIVES = str(900_000 + os.getpid())  # an argument by which a process that is left behind is known
_STARTED = "import os, signal, subprocess, sys, time, torch\n"
_ENDED = "result = torch.ones(2)\n"
_HEADING = re.compile("## (?P<name>.+): (?P<endings>[a-z_ ]+?)(?: at line (?P<line>[0-9]+))?\n")
_PROGRAMS = r"""
## loops for ever: timed_out at line 2
while True:
    pass

## catches everything and loops: timed_out
while True:
    try:
        time.sleep(1)
    except BaseException:
        pass

## never returns from C: timed_out
sum(range(10**15))

## calls exit: exited at line 3
x = torch.ones(2)
exit()

## ends its process at once: exited
os._exit(3)

## ends its process as if all were well: exited
os._exit(0)

## is a fork bomb: too_many_processes or timed_out or raised
while True:
    os.fork()

## is a bomb of threads: raised or timed_out or out_of_memory
import threading
while True:
    threading.Thread(target=time.sleep, args=(99,)).start()

## wants 20 GiB of tensors at once: out_of_memory at line 2
x = torch.ones(5 * 2**30)

## wants 20 GiB of tensors in pieces: out_of_memory at line 4
kept = []
for _ in range(320):
    kept.append(torch.ones(2**24))

## wants 20 GiB in many processes: out_of_memory or timed_out
for _ in range(60):
    if os.fork() == 0:
        x = torch.ones(2**24)
        time.sleep(99)
time.sleep(99)

## wants 20 GiB of bytes: out_of_memory at line 2
x = bytearray(20 * 2**30)

## frees its limits and wants 20 GiB: out_of_memory
import resource
for kind in (resource.RLIMIT_AS,):
    resource.setrlimit(kind, (resource.getrlimit(kind)[1],) * 2)
x = torch.ones(5 * 2**30)

## closes every file: finished
os.closerange(0, 1000)

## writes to every file: finished
for number in range(3, 100):
    try:
        os.write(number, b'{}' * 1000)
    except OSError:
        pass

## prints for ever: timed_out at line 3
while True:
    print('x' * 10000)

## writes a huge file: raised or timed_out
with open('huge', 'wb') as file:
    while True:
        file.write(bytes(2**24))

## writes a huge trace: exited
with open('run.trace', 'wb') as file:
    file.truncate(2**28)
os._exit(0)

## links its trace to a device: exited
os.symlink('/dev/zero', 'run.trace')
os._exit(0)

## links its trace to a file of somebody else's: exited
os.symlink('{outside}/mine.txt', 'run.trace')
os._exit(0)

## makes pipes of its results: exited
os.mkfifo('run.trace')
os.mkfifo('ending.json')
os._exit(0)

## links its folder elsewhere: exited
here = os.getcwd()
import shutil
shutil.rmtree(here)
os.symlink('{outside}', here)
os._exit(0)

## takes all rights from its folder: finished or exited or crashed
os.makedirs('a/b')
os.chmod('a/b', 0)
os.chmod('a', 0)
os.symlink('{outside}', 'c')
os.chmod('.', 0)

## says that it ended otherwise: exited
import json
open('ending.json', 'w').write(json.dumps({'kind': ['x'], 'line': 'y', 'seconds': {}, 'target': 3}))
os._exit(0)

## leaves a daemon: finished
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        subprocess.Popen(['sleep', '{seconds}'], start_new_session=True)
        time.sleep({seconds})
    os._exit(0)
os.wait()

## leaves a daemon without an environment: finished
subprocess.Popen(['setsid', 'sleep', '{seconds}'], env={}, start_new_session=True)

## leaves a process whose first thread is over: finished
import ctypes, threading
if os.fork() == 0:
    os.setsid()
    threading.Thread(target=time.sleep, args=({seconds},)).start()
    ctypes.CDLL(None).pthread_exit(None)
time.sleep(0.2)

## kills its parent: finished or lost
if os.getppid() > 1:
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(1)
else:
    os.kill(1, signal.SIGKILL)

## kills everything it sees: finished or raised
if os.getppid() > 1:
    raise RuntimeError('not in a group of processes of its own')
for pid in range(1, 40000):
    if pid != os.getpid():
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass

## stops its parent: finished or lost
os.kill(os.getppid(), signal.SIGSTOP)

## stops itself: timed_out
os.kill(os.getpid(), signal.SIGSTOP)

## ignores every signal: timed_out
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
while True:
    pass

## crashes in C: crashed
import ctypes
ctypes.string_at(0)

## aborts: crashed
os.abort()

## kills itself: crashed
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(99)

## recurses without an end: raised at line 2
def f(): f()
f()

## raises what cannot be printed: raised or crashed
class E(Exception):
    def __str__(self): os.abort()
raise E

## asks for a word: raised at line 2
input()

## breaks what the engine uses: exited
import json, pathlib
json.dumps = os.replace = pathlib.Path.write_text = None

## leaves a thread that runs on: finished
import threading
threading.Thread(target=time.sleep, args=({seconds},)).start()

## has a null character: syntax_error or raised
x = '{null}'
"""


def _programs() -> tuple[HostileProgram, ...]:
    programs = []
    for section in _PROGRAMS.strip().split("\n\n"):
        heading = _HEADING.match(f"{section}\n")
        assert heading is not None, section
        text = section[heading.end() :].replace("{seconds}", OUTLIVES).replace("{null}", "\0")
        endings = tuple(EndingKind(kind) for kind in heading["endings"].split(" or "))
        line = None if heading["line"] is None else int(heading["line"])
        programs.append(HostileProgram(heading["name"], f"{_STARTED}{text}\n{_ENDED}", endings, line))
    return tuple(programs)


HOSTILE_PROGRAMS = _programs()
