"""The command line that makes the trained weights, and measures them: ``python -m engine.pretrained.train``."""

from __future__ import annotations

import argparse
import io
import platform
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from engine.config import ConfigError
from engine.export.progress import Bar
from engine.export.unfinished import clear
from engine.export.units import format_bytes
from engine.model.transformer import Transformer
from engine.pretrained import training_data
from engine.pretrained.calibration import Calibration, calibration
from engine.pretrained.dates import HELD_OUT_FORMATS, SEED, TRAIN_FORMATS, Form, held_out_dates, written
from engine.pretrained.evaluate import Score, score
from engine.pretrained.odd_inputs import kinds, odd_inputs
from engine.pretrained.pretrained import FILE, build, trained_config
from engine.pretrained.safetensors_io import save, weights_error
from engine.pretrained.trainer import CLOSING_STEPS, CPU, THREADS, Training, recipe

STEPS = training_data.CLOSING_STEP + CLOSING_STEPS
TARGET = 0.995  # of the answers to held-out dates
_SAVE_EVERY = 250
_LOOK_EVERY = 500
_LOOKED_AT = 1000  # answers, to see how the training goes
_STOPPING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
_EXAMPLES = 3  # of wrong answers in a form without a target

_ABOUT = """\
Trains the model from seeded weights on generated dates, and writes its weights in FILE. Ctrl-C, a termination or a
closed terminal stops it after the step it is in: the training is kept in FILE.checkpoint, and the same command goes on
from there as if nothing had been. Exit status: 0; 1 if fewer than 99.5 % of the answers to held-out dates are exactly
right; 2 for what cannot work; 130 if stopped.
"""


@dataclass(frozen=True)
class Measured:
    """How the model answers dates that it never saw: in everyday forms, in forms it never saw, and in odd ones."""

    seen: Score
    unseen: tuple[tuple[Form, Score], ...]
    odd: Calibration


def main(arguments: Sequence[str] | None = None) -> int:
    """Trains, or measures what was trained; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        return _evaluate(options.file) if options.evaluate else _train(options.file, options.steps)
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: cannot write {options.file}: {error.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130


def measured(model: Transformer) -> Measured:
    """The scores on every held-out date in every form that can write it."""
    seen = list(written(held_out_dates(), TRAIN_FORMATS))
    texts = {pair.text for pair in seen}
    # What a form that was trained on writes just so is no test of another.
    unseen = [
        (form, [pair for pair in written(held_out_dates(), [form]) if pair.text not in texts])
        for form in HELD_OUT_FORMATS
    ]
    with Bar("answers", len(seen) + sum(len(pairs) for _, pairs in unseen)) as bar:
        done = 0

        def scored(pairs: Sequence[Any]) -> Score:
            nonlocal done
            part_score = score(model, pairs, lambda count: bar.at(done + count))
            done += len(pairs)
            return part_score

        scores = scored(seen), tuple((form, scored(pairs)) for form, pairs in unseen)
        return Measured(*scores, calibration(model, odd_inputs()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m engine.pretrained.train", description=_ABOUT, allow_abbrev=False)
    parser.add_argument("--evaluate", action="store_true", help="measure FILE on held-out dates, and train nothing")
    parser.add_argument("--steps", type=_positive, default=STEPS, metavar="N", help=f"steps in all ({STEPS})")
    parser.add_argument("--file", type=Path, default=FILE, metavar="FILE", help="the weights (the engine's own)")
    return parser


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more: {number}")
    return number


def _train(file: Path, steps: int) -> int:
    checkpoint = file.with_name(f"{file.name}.checkpoint")
    for path in (file, checkpoint):
        clear(path.parent, [path.name])
    training = _begun(checkpoint, steps)
    sample = random.Random(SEED).sample(list(written(held_out_dates(), TRAIN_FORMATS)), _LOOKED_AT)
    start, began = training.step, time.monotonic()
    with _threads(THREADS), _stop_requests() as stop_is_asked, Bar("steps", steps) as bar:
        while training.step < steps:
            torch.set_num_threads(training.threads)
            loss = training.learn()
            if training.step % _SAVE_EVERY == 0 or training.step == steps or stop_is_asked():
                training.save(checkpoint)
            if stop_is_asked():
                with suppress(OSError):  # the terminal may have been closed
                    bar.say(f"stopped after step {training.step:,}; the same command goes on from {checkpoint}")
                return 130
            pace = (time.monotonic() - began) / (training.step - start)
            left = pace * (steps - training.step) / 60
            bar.at(training.step, f"· loss {loss:.4f} · {1000 * pace:.0f} ms a step · {left:.0f} min left")
            if training.step % _LOOK_EVERY == 0:
                try:
                    bar.say(f"step {training.step:,}: held-out dates, a sample: {score(training.model, sample)}")
                except OSError:  # nobody reads any more what is printed
                    training.save(checkpoint)
                    return 130
    scores = measured(training.model)
    save(file, training.model.state_dict(), {**recipe(), "steps": steps, **_outcome(scores)})
    checkpoint.unlink()
    print(f"wrote {file} ({format_bytes(file.stat().st_size)}) after {steps:,} steps")
    return _report(scores)


def _begun(checkpoint: Path, steps: int) -> Training:
    """The training to go on with: that of the checkpoint, or a new one."""
    if not checkpoint.exists():
        print(f"every {_SAVE_EVERY} steps, and when it is stopped, the training is kept in {checkpoint}", flush=True)
        return Training()
    training = Training.resume(checkpoint)
    if training.step > steps:
        progress_made = f"is after step {training.step:,}, beyond {steps:,}"
        raise weights_error(
            checkpoint, "training goes up to --steps", progress_made, f"delete {checkpoint} to begin anew"
        )
    print(f"going on after step {training.step:,}, from {checkpoint}", flush=True)
    return training


def _evaluate(file: Path) -> int:
    return _report(measured(build(trained_config(device="cpu"), CPU, file)))


def _outcome(scores: Measured) -> dict[str, Any]:
    return {
        "accuracy": {
            "exact_match": scores.seen.exact,
            "right": scores.seen.right,
            "of": scores.seen.of,
            "loss": scores.seen.loss,
            "calibration_error": scores.odd.error,
            "unseen_forms": {str(form): {"right": each.right, "of": each.of} for form, each in scores.unseen},
        },
        "versions": {"python": platform.python_version(), **{name: version(name) for name in ("torch", "safetensors")}},
    }


def _report(scores: Measured) -> int:
    print(f"held-out dates, in {len(TRAIN_FORMATS)} forms: {scores.seen}, loss {scores.seen.loss:.6f} a character")
    print("wrong answers:" if scores.seen.wrong else "wrong answers: none")
    for wrong in scores.seen.wrong:
        print(f"  {wrong}")
    print("held-out dates, in forms never seen (no target):")
    for form, each in scores.unseen:
        print(f"  {form}: {each}")
        for wrong in each.wrong[:_EXAMPLES]:
            print(f"    {wrong}")
    _report_odd(scores.odd)
    if scores.seen.exact < TARGET:
        print(f"fewer than {TARGET:.1%} are exactly right", file=sys.stderr)
        return 1
    return 0


def _report_odd(odd: Calibration) -> None:
    print(f"odd inputs, {len(odd.answers)} in {len(kinds())} kinds never seen: calibration error {odd.error:.3f}")
    for kind in kinds():
        of_kind = odd.of_kind(kind)
        print(f"  {kind}: mean probability {of_kind.probability:.3f}, right {of_kind.right:.3f}")
    print(f"the surest answer to a date that there is not: {odd.surest_impossible}")


@contextmanager
def _threads(number: int) -> Iterator[None]:
    usual = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(usual)


@contextmanager
def _stop_requests() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C, a termination or a closed terminal has come in the meantime; a second one ends it at once."""
    usual = {number: signal.getsignal(number) for number in _STOPPING}
    # Whoever started it with nohup, or in the background of a script, wants it to go on.
    usual = {number: handler for number, handler in usual.items() if handler is not signal.SIG_IGN}
    came = False

    def note(number: int, frame: object) -> None:
        nonlocal came
        came = True
        signal.signal(number, usual[signal.Signals(number)])

    for number in usual:
        signal.signal(number, note)
    try:
        yield lambda: came
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may have no Korean
    sys.exit(main())
