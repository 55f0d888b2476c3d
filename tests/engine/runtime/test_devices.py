"""How much memory there is: the machine's, the container's, the process's own."""

import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from engine.runtime import devices
from engine.runtime.cgroup import memory_left

CPU = torch.device("cpu")


def tree(root, files):
    """Files as the kernel shows them, below a root of the test's own."""
    for path, content in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return root


V1, V2 = "sys/fs/cgroup/memory", "sys/fs/cgroup"


def test_a_container_of_version_2_leaves_its_limit_less_its_use(tmp_path):
    files = {"proc/self/cgroup": "0::/\n", f"{V2}/memory.max": "1000\n", f"{V2}/memory.current": "300\n"}
    assert memory_left(tree(tmp_path, files)) == 700


def test_a_container_of_version_1_leaves_its_limit_less_its_use(tmp_path):
    files = {
        "proc/self/cgroup": "5:cpu,cpuacct:/\n4:memory:/docker/abc\n0::/\n",
        f"{V1}/memory.limit_in_bytes": "1000\n",
        f"{V1}/memory.usage_in_bytes": "400\n",
    }
    assert memory_left(tree(tmp_path, files)) == 600


@pytest.mark.parametrize(
    ("mount", "own", "limit", "use"),
    [
        (V2, "0::/a/b\n", "memory.max", "memory.current"),
        (V1, "7:memory:/a/b\n", "memory.limit_in_bytes", "memory.usage_in_bytes"),
    ],
)
@pytest.mark.parametrize("tightest", ["", "a/", "a/b/"])
def test_the_tightest_of_the_groups_around_a_process_counts(mount, own, limit, use, tightest, tmp_path):
    files = {"proc/self/cgroup": own}
    for group in ("", "a/", "a/b/"):
        files[f"{mount}/{group}{limit}"] = "5000" if group == tightest else "9000"
        files[f"{mount}/{group}{use}"] = "1000"
    assert memory_left(tree(tmp_path, files)) == 4000


def test_pages_of_files_that_the_kernel_can_take_back_are_not_counted_as_used(tmp_path):
    files = {
        "proc/self/cgroup": "0::/x\n", f"{V2}/x/memory.max": "1000", f"{V2}/x/memory.current": "900",
        f"{V2}/x/memory.stat": "anon 300\ninactive_file 500\nactive_file 100\n",
    }  # fmt: skip
    assert memory_left(tree(tmp_path, files)) == 600
    files = {
        "proc/self/cgroup": "3:memory:/x\n", f"{V1}/x/memory.limit_in_bytes": "1000",
        f"{V1}/x/memory.usage_in_bytes": "900",
        f"{V1}/x/memory.stat": "inactive_file 1\ntotal_inactive_file 500\n",
    }  # fmt: skip
    assert memory_left(tree(tmp_path / "other", files)) == 600


def test_a_container_that_is_full_leaves_nothing_and_no_less(tmp_path):
    files = {"proc/self/cgroup": "0::/\n", f"{V2}/memory.max": "1000", f"{V2}/memory.current": "1100"}
    assert memory_left(tree(tmp_path, files)) == 0


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"proc/self/cgroup": ""},
        {"proc/self/cgroup": "no group at all"},
        {"proc/self/cgroup": "0::/\n"},
        {"proc/self/cgroup": "0::/\n", f"{V2}/memory.max": "max\n", f"{V2}/memory.current": "300\n"},
        {"proc/self/cgroup": "0::/\n", f"{V2}/memory.max": "1000\n"},
        {"proc/self/cgroup": "0::/../../..\n", f"{V2}/x": "", "memory.max": "1000", "memory.current": "0"},
    ],
)
def test_where_no_group_has_a_limit_nothing_is_said(files, tmp_path):
    assert memory_left(tree(tmp_path, files)) is None


@pytest.mark.parametrize(
    ("machine", "container", "process", "room"),
    [
        (2**40, None, None, 4 * 2**30),
        (2**30, None, None, 2**29),
        (2**40, 2**28, None, 2**27),
        (2**20, 2**28, None, 2**19),
        (2**40, 2**28, 2**26, 2**25),
        (2**40, 0, None, 0),
    ],
)
def test_a_run_may_take_half_of_the_least_that_machine_container_and_process_leave(
    machine, container, process, room, monkeypatch
):
    monkeypatch.setattr(devices.psutil, "virtual_memory", lambda: SimpleNamespace(available=machine))
    monkeypatch.setattr(devices, "memory_left", lambda: container)
    monkeypatch.setattr(devices, "_address_space_left", lambda: process)
    assert devices.memory_budget(CPU) == room


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit there")
def test_a_limit_on_the_address_space_is_looked_at():
    program = """
import resource
import psutil, torch
from engine.runtime import devices
before = devices._address_space_left()
limit = psutil.Process().memory_info().vms + 2**28
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
print(before, 2**27 < devices._address_space_left() <= 2**28, devices.memory_budget(torch.device("cpu")) <= 2**27)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["None", "True", "True"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems take freed blocks back by themselves")
def test_memory_that_was_let_go_of_goes_back_to_the_system():
    # Small blocks, every second of them let go of: none lies at an end, where glibc would give it back by itself.
    program = """
import psutil, torch
from engine.runtime.devices import release_memory
me = psutil.Process()
kept = [torch.ones(16_000) for _ in range(4000)]
full = me.memory_info().rss
kept = kept[::2]
freed = 2000 * 64_000
before = me.memory_info().rss
release_memory()
print(full - before < freed / 2, full - me.memory_info().rss > 0.8 * freed)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True"]
