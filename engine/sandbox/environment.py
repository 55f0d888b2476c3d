"""The environment variables of a person's code: those of a list, so that no key or password is among them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

_PROJECT = Path(__file__).resolve().parents[2]
_ALLOWED = (
    "PATH",
    "LANG",
    "LANGUAGE",
    "TZ",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    # Without these no program starts on Windows.
    "SYSTEMROOT",
    "SYSTEMDRIVE",
    "WINDIR",
    "COMSPEC",
    "PATHEXT",
    "NUMBER_OF_PROCESSORS",
    "PROCESSOR_ARCHITECTURE",
)
HOMES = ("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")
TOKEN = "TENSOR_SHAPE_EXPLORER_SANDBOX"  # its value is in the environment of all processes that one caller started


def child_environment(folder: Path, token: str, given: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of a process that runs a person's code.

    Args:
        folder: what it takes for its home and for the folder of temporary files.
        token: by which its processes are known.
        given: the caller's environment.
    """
    # Names are in upper case on Windows, and anything else elsewhere.
    kept = {name: value for name, value in given.items() if name in _ALLOWED or name.startswith("LC_")}
    paths = [str(_PROJECT), *(path for path in sys.path if os.path.isabs(path))]
    return (
        kept
        | dict.fromkeys(HOMES, str(folder))
        | {
            TOKEN: token,
            # The packages that the caller has, also those of a user's own site, which is found by HOME.
            "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths)),
            "PYTHONIOENCODING": "utf-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            # A GPU's driver reserves more addresses than a limit on them could allow.
            "CUDA_VISIBLE_DEVICES": "",
            "HF_HUB_OFFLINE": "1",
            # A thread of BLAS would not outlive a fork.
            "OPENBLAS_NUM_THREADS": "1",
        }
    )
