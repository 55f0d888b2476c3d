"""The direction of the house's imports, read from its source."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LOCAL = {"engine", "pages", "app"}
# Modules of the engine that see one step or trace at a time, and neither make a run nor know the model.
PURE = (
    *("explain", "layout", "cost", "graph", "export", "statistics", "axes", "source", "index_map"),
    *("stages", "checks", "patterns", "against_torch", "dot", "modules"),
)


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_module(name):
    path = ROOT / name.replace(".", "/")
    return path.with_suffix(".py").exists() or path.is_dir()


def imports(path):
    """Every module that a file imports, anywhere in it, also under ``if TYPE_CHECKING`` and in functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                local = node.module.partition(".")[0] in LOCAL
                yield inner if local and is_module(inner) else node.module
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "import_module":
            yield from (arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant))


def inside(module, *packages):
    return any(module == package or module.startswith(package + ".") for package in packages)


ENGINE = sorted((ROOT / "engine").rglob("*.py"))
MODEL = sorted((ROOT / "engine" / "model").rglob("*.py"))
SHARED = sorted((ROOT / "pages" / "ui").rglob("*.py"))
PAGES = [*sorted((ROOT / "pages").glob("*.py")), *ROOT.glob("app.py")]


def refused(paths, *, only=(), never=()):
    """Imports of these files that are inside ``never``, or local and outside ``only``."""
    for path in paths:
        for module in imports(path):
            local = inside(module, *LOCAL)
            if inside(module, *never) or (only and local and not inside(module, *only)):
                yield f"{module_name(path)} imports {module}"


def test_there_is_something_to_look_at():
    assert len(ENGINE) > 10
    assert len(MODEL) >= 5
    assert "engine.config" in set(imports(ROOT / "engine" / "run.py"))
    assert "torch" in set(imports(ROOT / "engine" / "recorder.py"))


def test_the_engine_knows_nothing_of_the_app_or_streamlit():
    assert list(refused(ENGINE, only=("engine",), never=("streamlit", "pages", "app"))) == []


def test_the_model_imports_torch_and_the_config_alone():
    assert list(refused(MODEL, only=("engine.config", "engine.axes", "engine.model"))) == []
    outside = {module.partition(".")[0] for path in MODEL for module in imports(path)} - LOCAL
    assert outside - set(sys.stdlib_module_names) == {"torch"}


def test_the_recorder_knows_no_model():
    files = [ROOT / "engine" / f"{name}.py" for name in ("recorder", "resolve", "source", "trace")]
    assert (
        list(refused(files, never=("engine.model", "engine.run", "engine.forward", "engine.memory", "engine.text")))
        == []
    )


def test_what_reads_a_trace_neither_runs_nor_records_one():
    files = [ROOT / "engine" / f"{name}.py" for name in PURE if (ROOT / "engine" / f"{name}.py").exists()]
    assert len(files) >= 4
    assert list(refused(files, never=("engine.model", "engine.run", "engine.forward", "engine.recorder"))) == []


def test_configs_and_axes_stand_on_nothing():
    files = [ROOT / "engine" / "config.py", ROOT / "engine" / "axes.py"]
    assert [module for path in files for module in imports(path) if inside(module, "torch", *LOCAL)] == []


@pytest.mark.skipif(not PAGES, reason="no pages yet")
def test_pages_import_the_shared_interface_and_the_engine_and_no_torch():
    assert list(refused(PAGES, only=("pages.ui", "engine"), never=("torch",))) == []


@pytest.mark.skipif(not SHARED, reason="no pages yet")
def test_the_shared_interface_imports_the_engine_and_no_page():
    assert list(refused(SHARED, only=("pages.ui", "engine"))) == []


def test_no_two_modules_of_the_engine_import_each_other_in_a_circle():
    known = {module_name(path): set(imports(path)) for path in ENGINE if path.name != "__init__.py"}
    edges = {name: {other for other in found if other in known} for name, found in known.items()}
    done, open_now = set(), []

    def walk(name):
        assert name not in open_now, " -> ".join([*open_now, name])
        if name in done:
            return
        open_now.append(name)
        for other in sorted(edges[name]):
            walk(other)
        done.add(open_now.pop())

    for name in edges:
        walk(name)


def test_importing_the_engine_leaves_streamlit_and_plotting_alone():
    names = {module.partition(".")[0] for path in ENGINE for module in imports(path)}
    assert names.isdisjoint({"streamlit", "pandas", "matplotlib", "altair", "plotly"})
