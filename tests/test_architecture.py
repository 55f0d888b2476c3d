"""The direction of the house's imports, read from its folders."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import engine

ROOT = Path(__file__).parent.parent
LOCAL = {"engine", "pages", "app"}
# From the bottom upwards: a folder of the engine, or a file directly in it, imports what stands in lines above its own,
# and itself. Those of one line do not import each other.
LAYERS = (
    ("config", "axes", "wording"),
    ("variant_config",),
    ("model", "ops", "text"),
    ("record",),
    ("explain", "graph", "export"),
    ("findings", "compare"),
    ("pretrained",),
    ("runtime",),
    ("sandbox",),
    ("labs", "questions", "commands"),
    ("__init__", "__main__"),
)
# What a trace offers people and a layer above it makes: imported when it is called, and by nothing before.
NOTEBOOK = "engine.explain.notebook_html"
ON_CALL = {
    ("engine.record.trace", "engine.export.step_frame"),
    ("engine.record.trace", NOTEBOOK),
    ("engine.explain.explanation", NOTEBOOK),
}
PANDAS = "engine.export.step_frame"  # where alone the engine makes DataFrames
MOST_FILES = 15  # flat in one folder
MOST_LINES, MOST_LINES_OF_TESTS = 350, 600  # of a file
MOST_LINES_OF_A_FUNCTION = 60  # without its docstring
FEW_ARGUMENTS, FEW_FIELDS = 2, 3  # that a line on their function or class says enough of
# An operation is described by its names, and the others are there to be read as people write such code.
DESCRIBED_OTHERWISE = ("engine.ops.entries", "engine.questions.scripts", "pages.ui.views.your_code.examples")


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_module(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    return path.with_suffix(".py").exists() or path.is_dir()


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, anywhere in it, also under ``if TYPE_CHECKING`` and in functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                local = (node.module or "").partition(".")[0] in LOCAL
                yield inner if local and is_module(inner) else node.module or ""
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "import_module":
            yield from (arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant))


def inside(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


ENGINE = python_files("engine")
SHARED = python_files("pages/ui")
PAGES = [*sorted((ROOT / "pages").glob("*.py")), ROOT / "app.py"]


def refused(paths: Iterable[Path], *, only: tuple[str, ...] = (), never: tuple[str, ...] = ()) -> list[str]:
    """Imports of these files that are inside ``never``, or local and outside ``only``."""
    return [
        f"{module_name(path)} imports {module}"
        for path in paths
        for module in imports(path)
        if inside(module, *never) or (only and inside(module, *LOCAL) and not inside(module, *only))
    ]


def part_of(path: Path) -> str:
    """The folder of the engine that a file lies in, or its own name where it lies directly in the engine."""
    first, *rest = path.relative_to(ROOT / "engine").parts
    return first if rest else path.stem


def test_every_folder_of_the_engine_has_its_layer():
    assert {part_of(path) for path in ENGINE} == {part for layer in LAYERS for part in layer}


def test_the_engine_imports_downwards():
    upwards = []
    for place, layer in enumerate(LAYERS):
        below = {part for lower in LAYERS[:place] for part in lower}
        for path in ENGINE:
            part = part_of(path)
            if part in layer:
                allowed = tuple(f"engine.{name}" for name in sorted({*below, part}))
                # A lab is written as a person would write it, on the engine's public names.
                public = ("engine",) if part == "labs" else ()
                upwards += [
                    f"{module_name(path)} imports {module}"
                    for module in imports(path)
                    if inside(module, "engine") and module not in public and not inside(module, *allowed)
                    if (module_name(path), module) not in ON_CALL
                ]
    assert upwards == []


@pytest.mark.parametrize(("module", "offered"), sorted(ON_CALL))
def test_what_a_layer_above_makes_is_imported_in_a_function_alone(module, offered):
    program = f"import sys, {module}; print({offered!r} in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
    assert offered in set(imports(ROOT / f"{module.replace('.', '/')}.py"))


def test_the_engine_knows_nothing_of_the_app_or_streamlit():
    assert refused(ENGINE, only=("engine",), never=("streamlit", "pages", "app")) == []


def test_the_model_imports_torch_and_the_config_alone():
    files = python_files("engine/model")
    assert len(files) >= 5
    assert refused(files, only=("engine.config", "engine.variant_config", "engine.axes", "engine.model")) == []
    outside = {module.partition(".")[0] for path in files for module in imports(path)} - LOCAL
    assert outside - set(sys.stdlib_module_names) == {"torch"}


def test_operations_know_no_step_and_no_trace():
    assert refused(python_files("engine/ops"), only=("engine.ops", "engine.wording")) == []


def test_configs_and_axes_stand_on_nothing():
    files = [ROOT / "engine" / "config.py", ROOT / "engine" / "axes.py"]
    assert [module for path in files for module in imports(path) if inside(module, "torch", *LOCAL)] == []


def test_pages_import_the_shared_interface_and_the_engine_and_no_torch():
    assert len(PAGES) > 5
    assert refused(PAGES, only=("pages.ui", "engine"), never=("torch",)) == []


def test_the_shared_interface_imports_the_engine_and_no_page():
    assert refused(SHARED, only=("pages.ui", "engine")) == []


def test_no_two_modules_import_each_other_in_a_circle():
    known = {module_name(path): set(imports(path)) for path in ENGINE + SHARED if path.name != "__init__.py"}
    edges = {
        name: {other for other in modules if other in known and (name, other) not in ON_CALL}
        for name, modules in known.items()
    }
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


def test_no_folder_is_a_heap():
    counts: dict[Path, int] = {}
    for path in [*ENGINE, *SHARED, *PAGES]:
        if not path.name.startswith("__"):
            counts[path.parent] = counts.get(path.parent, 0) + 1
    assert {folder: count for folder, count in counts.items() if count > MOST_FILES} == {}


def test_no_class_name_stands_twice():
    modules_of: dict[str, list[str]] = {}
    for path in [*ENGINE, *SHARED, *PAGES]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                modules_of.setdefault(node.name, []).append(module_name(path))
    twice = {name: modules for name, modules in modules_of.items() if len(modules) > 1}
    assert twice == {}


def test_importing_the_engine_leaves_streamlit_and_plotting_alone():
    names = {module.partition(".")[0] for path in ENGINE for module in imports(path)}
    assert names.isdisjoint({"streamlit", "matplotlib", "altair", "plotly"})


def test_one_module_of_the_engine_makes_dataframes():
    # A checker of types alone reads what the trace says it returns.
    assert "pandas" in set(imports(ROOT / f"{PANDAS.replace('.', '/')}.py"))
    others = [path for path in ENGINE if module_name(path) not in (PANDAS, *(name for name, _ in ON_CALL))]
    assert refused(others, never=("pandas",)) == []


def test_importing_the_engine_loads_neither_pandas_nor_pyarrow():
    program = "import sys, engine; print([name for name in ('pandas', 'pyarrow', 'streamlit') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def documented(*, without: tuple[str, ...] = ()) -> Iterator[tuple[str, ast.FunctionDef | ast.ClassDef, str]]:
    """The public functions and classes at the top of modules, where they stand, and their docstrings."""
    for path in [*ENGINE, *SHARED]:
        module = module_name(path)
        if inside(module, *DESCRIBED_OTHERWISE, *without) or path.stem.endswith("script"):
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                yield f"{module}.{node.name}", node, ast.get_docstring(node) or ""


def arguments_of(function: ast.FunctionDef) -> list[str]:
    given = function.args
    return [argument.arg for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs)]


def fields_of(dataclass: ast.ClassDef, lines: list[str]) -> list[str]:
    """The public fields without a comment on their line."""
    fields = [node for node in dataclass.body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)]
    return [
        field.target.id
        for field in fields
        if not field.target.id.startswith("_") and "ClassVar" not in ast.unparse(field.annotation)
        if "  # " not in lines[field.lineno - 1]
    ]


def unnamed(names: Iterable[str], docstring: str) -> list[str]:
    return [name for name in names if not re.search(rf"\b{name}\b", docstring)]


def test_every_public_function_and_class_says_what_it_is_for():
    nameless = [name for name, _, docstring in documented() if not docstring]
    assert [name for name in nameless if not re.fullmatch(r"pages\.ui\.labs\..*\.draw", name)] == []


def test_a_docstring_names_every_argument_where_there_are_several():
    missing = {}
    # What stands for a function of torch takes that function's arguments.
    for name, node, docstring in documented(without=("engine.record.openers.small_functions",)):
        if isinstance(node, ast.FunctionDef):
            arguments = arguments_of(node)
            if len(arguments) > FEW_ARGUMENTS or "Args:" in docstring:
                missing[name] = unnamed(arguments, docstring)
    assert len(missing) > 300
    assert {name: arguments for name, arguments in missing.items() if arguments} == {}


def test_a_docstring_names_every_field_where_there_are_several():
    missing = {}
    for name, node, docstring in documented():
        if isinstance(node, ast.ClassDef) and any("dataclass" in ast.unparse(each) for each in node.decorator_list):
            lines = (ROOT / f"{name.rpartition('.')[0].replace('.', '/')}").with_suffix(".py")
            path = lines if lines.exists() else lines.with_suffix("") / "__init__.py"
            fields = fields_of(node, path.read_text(encoding="utf-8").splitlines())
            listed = "Attributes:" in docstring or "Args:" in docstring
            if len(fields) > FEW_FIELDS or listed:
                missing[name] = unnamed(fields, docstring)
    assert len(missing) > 100
    assert {name: fields for name, fields in missing.items() if fields} == {}


def public_methods() -> Iterator[tuple[str, type, ast.FunctionDef]]:
    """The methods without an underscore of public classes; of a protocol only the class is described."""
    for name, node, _ in documented():
        if isinstance(node, ast.ClassDef):
            module, _, class_name = name.rpartition(".")
            owner = getattr(importlib.import_module(module), class_name)
            if not getattr(owner, "_is_protocol", False):
                methods = (method for method in node.body if isinstance(method, ast.FunctionDef))
                yield from ((name, owner, method) for method in methods if not method.name.startswith("_"))


def inherited_docstring(owner: type, method: str) -> str:
    """What says what a method does: its docstring, that of a base class's it stands for, or its class among fields."""
    own = (vars(base)[method].__doc__ for base in owner.__mro__ if method in vars(base))
    listed = re.search(rf"^\s*(\w+, )*{method}(, \w+)*: .*$", owner.__doc__ or "", re.MULTILINE)
    return next((docstring for docstring in own if docstring), listed[0] if listed else "")


def test_every_public_method_says_what_it_does_and_names_its_arguments_where_there_are_several():
    methods = list(public_methods())
    assert len(methods) > 400
    docstrings = {(name, method.name): inherited_docstring(owner, method.name) for name, owner, method in methods}
    assert [place for place, docstring in docstrings.items() if not docstring] == []
    missing = {}
    for name, _, method in methods:
        docstring, arguments = docstrings[name, method.name], arguments_of(method)[1:]
        # The forward of a module is what its class is: that says what it takes.
        if method.name != "forward" and (len(arguments) > FEW_ARGUMENTS or "Args:" in docstring):
            missing[name, method.name] = unnamed(arguments, docstring)
    assert {place: arguments for place, arguments in missing.items() if arguments} == {}


def raised_by(node: ast.AST) -> Iterator[str]:
    """What a function itself raises and does not catch, as it is written: a class, or what gives the error."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            continue
        if isinstance(child, ast.Raise) and child.exc is not None:
            yield ast.unparse(child.exc.func if isinstance(child.exc, ast.Call) else child.exc)
        elif isinstance(child, ast.Try) and child.handlers:
            for part in (*child.handlers, *child.orelse, *child.finalbody):
                yield from raised_by(part)
        else:
            yield from raised_by(child)


def test_a_docstring_names_every_error_that_its_function_raises():
    functions = [(name, node, docstring) for name, node, docstring in documented() if isinstance(node, ast.FunctionDef)]
    functions += [
        (f"{name}.{method.name}", method, inherited_docstring(owner, method.name))
        for name, owner, method in public_methods()
    ]
    raising, lacking = 0, []
    for name, node, docstring in functions:
        errors, section = list(raised_by(node)), docstring.partition("Raises")[2]
        raising += bool(errors)
        if errors and not section:
            lacking.append(f"{name} has no Raises")
        # Where a function makes the error, its class does not stand in the line.
        classes = [error for error in errors if error[0].isupper()]
        lacking += [f"{name} says nothing of {error}" for error in unnamed(classes, section)]
    assert raising > 60
    assert lacking == []


def test_what_people_import_says_what_it_takes_returns_and_raises():
    lacking = []
    public = {name: getattr(engine, name) for name in engine.__all__}
    for name, thing in public.items():
        docstring = inspect.getdoc(thing) or ""
        if inspect.isfunction(thing):
            signature = inspect.signature(thing)
            needed = {"Args:"} if signature.parameters else set()
            if signature.return_annotation not in ("None", None):
                needed.add("Returns:")
            lacking += [f"{name} has no {part}" for part in sorted(needed) if part not in docstring]
            lacking += [f"{name} says nothing of {argument}" for argument in unnamed(signature.parameters, docstring)]
        elif dataclasses.is_dataclass(thing):
            shown = [field.name for field in dataclasses.fields(thing) if not field.name.startswith("_")]
            described = "\n".join(inspect.getdoc(base) or "" for base in thing.__mro__[:-1])
            lacking += [f"{name} says nothing of {field}" for field in unnamed(shown, described)]
    assert lacking == []


def test_files_and_functions_are_short_enough_to_be_read():
    long = []
    for path in [*ENGINE, *SHARED, *PAGES, *python_files("tests"), *sorted((ROOT / "pages").rglob("*.js"))]:
        text = path.read_text(encoding="utf-8")
        lines = text.count("\n")
        if lines > (MOST_LINES_OF_TESTS if "tests" in path.relative_to(ROOT).parts else MOST_LINES):
            long.append(f"{path.relative_to(ROOT)}: {lines} lines")
        for node in ast.walk(ast.parse(text)) if path.suffix == ".py" else ():
            if isinstance(node, ast.FunctionDef):
                first = node.body[0]
                has_docstring = ast.get_docstring(node) is not None
                own = node.end_lineno - node.lineno + 1 - (first.end_lineno - first.lineno + 1) * has_docstring
                if own > MOST_LINES_OF_A_FUNCTION:
                    long.append(f"{module_name(path)}.{node.name}: {own} lines")
    assert long == []


def paths_of_the_map() -> set[str]:
    """The files and folders that README's map of the house draws, from its indents."""
    drawn = (ROOT / "README.md").read_text(encoding="utf-8").partition("## The map of the house")[2].split("```")[1]
    paths, open_folders = set(), []
    for line in drawn.strip("\n").splitlines():
        indent = len(line) - len(line.lstrip())
        if indent > 6:  # goes on with what the line above says
            continue
        names = re.match(r"((?:[\w.]+(?:/|\.py) ?)+)", line.strip())[1].split()
        del open_folders[indent // 2 :]
        paths |= {"".join(open_folders) + name for name in names}
        if names[0].endswith("/"):
            open_folders.append(names[0])
    return paths


def test_the_map_in_the_readme_is_the_tree_as_it_is():
    folders = [folder for parent in ("engine", "pages/ui") for folder in (ROOT / parent).iterdir() if folder.is_dir()]
    there = {f"{folder.relative_to(ROOT).as_posix()}/" for folder in folders if any(folder.glob("*.py"))}
    own = {"app.py", "pages/", "pages/ui/", "engine/", "tests/"}
    files = {f"engine/{path.name}" for path in (ROOT / "engine").glob("[a-z]*.py")}
    assert paths_of_the_map() == there | own | files
