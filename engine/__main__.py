"""The command line: ``python -m engine run``, ``record`` and ``open``."""

from __future__ import annotations

import argparse
import dataclasses
import os
import re
import signal
import sys
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from typing import cast

from engine.axes import sizes_text
from engine.commands import open_command, record_command
from engine.commands.program_file import ProgramError
from engine.commands.subcommand import add_subcommand
from engine.config import ACTIVATIONS, DEVICES, DTYPES, LIMITS, OUTPUTS, TOKENIZERS, WEIGHTS, Config, ConfigError
from engine.export.csv_tables import SPREADSHEET_ROWS, estimated_bytes, values_rows
from engine.export.export_error import ExportError
from engine.export.files import save_csv
from engine.export.folder_names import FolderNameError, check_folder_name
from engine.export.progress import Bar
from engine.export.units import format_bytes
from engine.model.variants.presets import PRESETS
from engine.pretrained.pretrained import trained_config
from engine.record.trace import Step, Trace
from engine.record.trace_file.trace_file_error import TraceFileError
from engine.runtime.decode import MOST_STEPS
from engine.runtime.explore import AppError
from engine.runtime.parameters import parameters_of, rows
from engine.runtime.run import run
from engine.runtime.variants.cached import CachedConfig, run_cached, run_prefill
from engine.runtime.variants.named_model import MODEL_NAMES, TRANSFORMER, named_config
from engine.runtime.variants.run_variant import shapes_of
from engine.text import char_tokenizer, tokenizer
from engine.text.tokenizer import TextError
from engine.variant_config import VARIANT_LIMITS, VariantConfig

_SIZES = {
    "batch": "sentences in the batch",
    "src_len": "tokens of a source sentence",
    "tgt_len": "tokens of a target sentence",
    "d_model": "width of the model, a multiple of --heads",
    "heads": "attention heads",
    "d_k": "width of a query and a key in one head (d_model / heads)",
    "d_v": "width of a value in one head (d_model / heads)",
    "d_ff": "width inside the feed-forward network (4 × d_model)",
    "encoder_layers": "layers of the encoder",
    "decoder_layers": "layers of the decoder",
    "vocab_size": "tokens of the vocabulary",
    "seed": "seed of the weights and the generated tokens",
}
_CHOICES = {
    "activation": (ACTIVATIONS, "inside the feed-forward network"),
    "output": (OUTPUTS, "what the last layer ends with"),
    "dtype": (DTYPES, "number format"),
    "device": (DEVICES, "where to compute; auto takes the fastest there is"),
    "weights": (
        WEIGHTS,
        "random, or trained on dates, with sizes of their own and characters for tokens",
    ),
    "tokenizer": (TOKENIZERS, "what one token of a text is"),
}
_SWITCHES = {
    "norm_first": "normalise before each sublayer (pre-LN), not after (post-LN, the default)",
    "padding_mask": "keep attention off the padding (the default), or not",
    "causal_mask": "keep attention off later tokens (the default), or not",
}
_VARIANT_SIZES = {
    "length": "tokens of a text, of a model that reads one",
    "layers": "layers",
    "kv_heads": "heads of keys and values that the heads of queries share",
    "rope_base": "base of the rotary positions",
    "window": "tokens that a token sees back, itself included",
    "experts": "experts of a mixture",
    "experts_per_token": "experts that answer a token",
    "positions": "places that have a learned vector",
    "segments": "kinds of text that have a learned vector",
    "buckets": "learned biases of a head for distances",
    "max_distance": "distance from which all share a bias",
    "image_height": "rows of an image's pixels, a multiple of --patch",
    "image_width": "columns of an image's pixels, a multiple of --patch",
    "patch": "side of a patch",
    "channels": "channels of an image",
    "classes": "classes of images",
}
_MOST_DIGITS = 100  # no size comes near, and Python reads no number of more than 4300
_LONG = 1_000_000  # rows that take long enough to be announced
_READ_AS = "{given} is read as {read}: digits of other scripts and full-width characters count as ASCII"

_FILE = "{path} ({rows:,} rows, {size})"
_WROTE = "wrote {steps} and {values}"
_FILES = """\
OUT/steps.csv has a row for every step. axes, shape and stride look like Python tuples; parents are joined by "; ",
a step as # and its index, a parameter or input by name, any other argument as it was written.
OUT/values.csv has a row for every element: step, name, one index per axis (empty where the tensor has fewer) and the
value, which reads back as exactly the same number; booleans are 1 and 0. Before version 3.1 pandas reads float64
exactly only with read_csv("OUT/values.csv", float_precision="round_trip").
Text that a spreadsheet would run as a formula begins with an apostrophe.

Weights are random unless --weights trained is given, as they are with Config() in Python. The app opens on trained
ones: its first page shows the run of the third example.

examples:
  python -m engine run --batch 2 --src-len 5 --tgt-len 4 --heads 4 --d-model 32 --csv OUT
  python -m engine run --source "I go home" --target "나는 집에 간다"
  python -m engine run --weights trained --source "21 November 2026"
  python -m engine run --weights trained --source "21 November 2026" --target "2026-11-21"
  python -m engine run --model llama --kv-heads 1 --source "I go home"
  python -m engine run --model llama --source "I go home" --kept 6
  python -m engine run --model llama3-8b --length 512
  python -m engine run --filter "encoder.layers.0.self_attention.*" --csv OUT
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; its exit status: 0, 2 for settings that cannot work.

    1 where the output went away, or the program that ``record`` was given raised.
    """
    given = vars(_parser().parse_args(arguments))
    _escape_what_a_terminal_cannot_show()
    try:
        status = _COMMANDS[given.pop("command")](**given)
        sys.stdout.flush()
    except _REFUSALS as error:
        for line in str(error).splitlines():
            print(f"error: {line}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; no file was written", file=sys.stderr)
        return 130
    except OSError as error:
        # Python flushes once more when it ends, and would complain again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # a reader such as head has seen enough
            print(f"error: cannot write the output: {error.strerror}", file=sys.stderr)
        return 1
    return status


class _FilterError(ValueError):
    """A filter that is empty, or leaves no step."""


_REFUSALS = (ConfigError, TextError, FolderNameError, ExportError, ProgramError, TraceFileError, AppError, _FilterError)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m engine", description="A Transformer's forward pass, tensor by tensor.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    record_command.add_parser(commands)
    open_command.add_parser(commands)
    summary = "run the model; list its steps, or write every number as CSV"
    described = "Runs the model once, records every tensor, and lists the steps or writes them as CSV."
    command = add_subcommand(commands, "run", summary, described, _FILES)
    command.add_argument("--csv", metavar="OUT", help="write OUT/steps.csv and OUT/values.csv instead of listing")
    command.add_argument("--filter", metavar="PATTERN", help='only steps of this full name, e.g. "decoder.*.scores"')
    shown = f"{', '.join(MODEL_NAMES)} ({TRANSFORMER}); published ones run without numbers unless --device is given"
    command.add_argument("--model", metavar="NAME", default=TRANSFORMER, help=shown)
    text = command.add_argument_group("text", "Its number of sentences, lengths and words replace the sizes below.")
    text.add_argument("--source", action="append", metavar="TEXT", help="a source sentence; repeat for a batch")
    left_out = "left out, trained weights write it, and random ones read generated tokens"
    text.add_argument("--target", action="append", metavar="TEXT", help=f"its target; as many as sources; {left_out}")
    written = f"how many characters of its target the trained model has written, 0 to {MOST_STEPS - 1} (all)"
    text.add_argument("--upto", type=_whole, metavar="N", help=written)
    usual = {field.name: field.default for field in dataclasses.fields(Config)}
    sizes = command.add_argument_group("sizes")
    for name, meaning in _SIZES.items():
        low, high = LIMITS[name]
        given = "" if usual[name] is None else f" ({usual[name]})"
        shown = f"{meaning}{given}" if name == "seed" else f"{meaning}, {low} to {high}{given}"
        sizes.add_argument(_flag(name), type=_whole, metavar="N", help=shown)
    variants = command.add_argument_group("sizes of --model", "Each model has some of these, and its own defaults.")
    for name, meaning in _VARIANT_SIZES.items():
        low, high = VARIANT_LIMITS[name]
        variants.add_argument(_flag(name), type=_whole, metavar="N", help=f"{meaning}, {low} to {high}")
    passes = variants.add_mutually_exclusive_group()
    kept = "tokens whose keys and values are in the cache; only the next one is read, and recorded"
    passes.add_argument("--kept", type=_whole, metavar="N", help=kept)
    prefill = "tokens that are read at once, and put into the cache; the pass before that of --kept"
    passes.add_argument("--prefill", type=_whole, metavar="N", help=prefill)
    interleaved = "turn neighbouring features together, not halves (the default)"
    variants.add_argument("--interleaved", action=argparse.BooleanOptionalAction, help=interleaved)
    switches = command.add_argument_group("switches and choices")
    for name, meaning in _SWITCHES.items():
        switches.add_argument(_flag(name), action=argparse.BooleanOptionalAction, help=meaning)
    for name, (choices, meaning) in _CHOICES.items():
        default = usual[name] or "words, with trained weights characters"
        switches.add_argument(_flag(name), metavar="NAME", help=f"{meaning}: {', '.join(choices)} ({default})")
    return parser


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _whole(text: str) -> int | str:
    # What is no number goes on as it is: Config then names it along with everything else that is wrong. int() alone
    # would also take "1_0" and the digits of other scripts.
    number = re.fullmatch("([+-]?)0*([0-9]+)", text)
    return int(number[1] + number[2][:_MOST_DIGITS]) if number else text


def _run(
    model: str,
    csv: str | None,
    filter: str | None,
    source: list[str] | None,
    target: list[str] | None,
    upto: int | None,
    kept: int | None,
    prefill: int | None,
    **settings: object,
) -> int:
    if csv is not None:
        check_folder_name(csv)
    if filter is not None and not filter.strip():
        raise _FilterError(f'a filter must not be empty: {filter!r}; use "*" for every step, or leave it out')
    given = {name: value for name, value in settings.items() if value is not None}
    if model == TRANSFORMER and given.get("weights") == "trained":
        config: Config | VariantConfig = trained_config(**given)
    else:
        config = named_config(model, given)
    trace = _trace(model, config, source, target, upto, kept, prefill, has_device="device" in given)
    steps = trace.steps
    if isinstance(config, Config) and config.weights == "trained":
        _say_what_is_read([*(source or ()), *(target or ())])
    if filter is not None:
        steps = tuple(step for step in steps if fnmatchcase(step.full_name, filter))
        if not steps:
            raise _FilterError(f"no step has a full name like {filter}; without --csv and --filter they are listed")
    if csv is None:
        _list(steps)
        built = trace.config or trace.variant
        if filter is None and built is not None:
            _list_parameters(built)
    else:
        _export(steps, csv)
    return 0


def _trace(
    model: str,
    config: Config | VariantConfig,
    source: list[str] | None,
    target: list[str] | None,
    upto: int | None,
    kept: int | None,
    prefill: int | None,
    *,
    has_device: bool,
) -> Trace:
    for run_pass, tokens in ((run_cached, kept), (run_prefill, prefill)):
        if tokens is not None:
            return run_pass(cast(CachedConfig, config), source, target, kept=tokens)
    if model in PRESETS and isinstance(config, Config) and not has_device and source is None:
        return shapes_of(config)  # the paper's sizes without numbers, as every other published model
    return run(config, source, target, upto=upto)


def _record(target: str, words: list[str], save: str | None, csv: str | None) -> int:
    if csv is not None:
        check_folder_name(csv)
    return record_command.run_record(target, words, save, csv, _list, _export)


_COMMANDS: dict[str, Callable[..., int]] = {"run": _run, "record": _record, "open": open_command.run_open}


def _say_what_is_read(sentences: Sequence[str]) -> None:
    for given in map(tokenizer.normalise, sentences):
        read = char_tokenizer.as_read(given)
        if read != given:
            print(_READ_AS.format(given=given, read=read), file=sys.stderr)


def _list(steps: Sequence[Step]) -> None:
    table = [("step", "name", "op", "axes", "dtype", "memory")]
    for step in steps:
        dtype = str(step.dtype).removeprefix("torch.")
        table.append((str(step.index), step.full_name, step.op, _axes(step), dtype, step.memory))
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for index, *texts in table:
        cells = [
            index.rjust(widths[0]),
            *(text.ljust(width) for text, width in zip(texts, widths[1:], strict=True)),
        ]
        print("  ".join(cells).rstrip())


def _list_parameters(config: Config | VariantConfig) -> None:
    counted = parameters_of(config)
    print(f"\n{counted.count:,} parameters")
    table = [
        (f"{'  ' * depth}{name}", f"{row_count.arithmetic} = {row_count.count:,}")
        for depth, name, row_count in rows(counted)
    ]
    width = max(len(name) for name, _ in table)
    for name, sizes in table:
        print(f"  {name.ljust(width)}  {sizes}")


def _axes(step: Step) -> str:
    return sizes_text(step.axes, step.shape, " · ") or "one number"


def _export(steps: Sequence[Step], folder: str) -> None:
    rows = values_rows(steps)
    if rows > _LONG:
        size = format_bytes(estimated_bytes(steps))
        print(f"values.csv will have {rows:,} rows, about {size}", file=sys.stderr, flush=True)
    with Bar("rows of values.csv", max(1, rows)) as bar:
        saved = save_csv(steps, folder, lambda done, _: bar.at(done))
    written = [_FILE.format(path=file.path, rows=file.rows, size=format_bytes(file.nbytes)) for file in saved]
    print(_WROTE.format(steps=written[0], values=written[1]))
    if rows >= SPREADSHEET_ROWS:
        most = f"{SPREADSHEET_ROWS:,}"
        print(f"values.csv is longer than the {most} rows, header included, that a spreadsheet opens", file=sys.stderr)


def _escape_what_a_terminal_cannot_show() -> None:
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure:
        reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an exit lets save clear away what it began
    sys.exit(main())
