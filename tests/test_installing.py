"""``pip install -e PATH``: the engine can be imported in any folder, and knows where the app is."""

from __future__ import annotations

import os
import site
import subprocess
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.skipif(os.name != "posix", reason="an environment has its folders elsewhere on Windows")
def test_an_editable_install_is_imported_elsewhere_and_finds_the_app(tmp_path):
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=False, symlinks=True)
    python = environment / "bin" / "python"
    (packages,) = environment.glob("lib/python*/site-packages")
    # What is installed already need not be fetched again.
    (packages / "shared.pth").write_text("\n".join(site.getsitepackages()))
    install = ["install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "-e", str(ROOT)]
    subprocess.run([python, "-m", "pip", *install], check=True, capture_output=True)
    program = "import engine, engine.runtime.explore as e; print(engine.__file__, e._APP, e._APP.is_file(), sep='\\n')"
    elsewhere = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [python, "-c", program], cwd=tmp_path, env=elsewhere, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [str(ROOT / "engine" / "__init__.py"), str(ROOT / "app.py"), "True"]
