"""A component whose script is sent once: two texts that find each other in the browser, whichever comes first."""

import json
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from engine import Config, run
from pages.ui.components.mount.sent_once import _CALLER, code_of

_SCRIPT = """let drawn = [];
export default function (update) { drawn.push(update); globalThis.drawn = drawn; return () => drawn.push("closed"); }
"""
_PAGE = """
globalThis.window = new EventTarget();
const load = async (text) => (await import("data:text/javascript," + encodeURIComponent(text))).default;
const [code, caller] = JSON.parse(process.argv[1]);
const steps = process.argv[2].split(" ");
let close = null;
for (const step of steps) {
  if (step === "code") await load(code);
  else if (step === "close") close();
  else close = (await load(caller))(step);
}
console.log(JSON.stringify(globalThis.drawn ?? []));
"""


@pytest.fixture
def texts(tmp_path):
    (tmp_path / "script.js").write_text(_SCRIPT, "utf-8")
    return code_of(tmp_path / "script.js", "aSlot"), _CALLER.format(slot="aSlot")


@pytest.mark.skipif(shutil.which("node") is None, reason="no node on this machine")
@pytest.mark.parametrize(
    ("steps", "drawn"),
    [
        ("code first close", ["first", "closed"]),
        ("first code close", ["first", "closed"]),
        ("first close code", []),
        ("code first second", ["first", "second"]),
    ],
)
def test_an_update_is_drawn_once_the_script_is_there_and_not_after_it_was_let_go(texts, steps, drawn):
    command = ["node", "--input-type=module", "-e", _PAGE, "--", json.dumps(texts), steps]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout) == drawn


def test_a_script_without_one_default_export_is_refused(tmp_path):
    (tmp_path / "script.js").write_text("export const a = 1;\n", "utf-8")
    with pytest.raises(ValueError, match=r"script.js must have one default export, a function: it has 0"):
        code_of(tmp_path / "script.js", "aSlot")


def test_a_browser_keeps_a_script_for_longer_than_a_walk_through_a_whole_model():
    config = tomllib.loads((Path(__file__).parents[3] / ".streamlit" / "config.toml").read_text("utf-8"))
    steps = len(run(Config(device="cpu")).steps)
    assert config["global"]["maxCachedMessageAge"] > steps
