"""What a person has set, as one frozen value, and its form in the address of the page.

Only what differs from the defaults is in the address, so a link is short and says what is particular about it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar

from engine import Config, ConfigError
from engine.config import ACTIVATIONS, DEVICES, DTYPES, OUTPUTS, TOKENIZERS, WEIGHTS
from engine.config import TRAINED as FIXED
from engine.pretrained.pretrained import trained_config
from engine.runtime.decode import MOST_STEPS
from engine.variant_config import T5Config
from pages.ui.state.chosen_model import (
    FIELDS,
    KEPT,
    MODEL,
    PREFILL,
    ChosenModel,
    chosen_model,
    model_from_query,
)
from pages.ui.state.given_trace import NOTHING, given_name
from pages.ui.state.link_values import LinkProblem, Note, choice, whole_number

SOURCE, TARGET = "I go home", "나는 집에 간다"
DATE, ANSWER = "21 November 2026", "2026-11-21"
SENTENCES, TOKENS = "sentences", "tokens"
WORDS, CHARACTERS = TOKENIZERS
RANDOM, TRAINED = WEIGHTS

# What the controls reach. The engine takes more; the memory guard decides what runs.
RANGES: Mapping[str, tuple[int, int]] = {
    "batch": (1, 16),
    "src_len": (1, 256),
    "tgt_len": (1, 256),
    "heads": (1, 16),
    "d_model": (1, 1024),
    "encoder_layers": (1, 6),
    "decoder_layers": (1, 6),
    "d_ff": (1, 4096),
    "d_k": (1, 1024),
    "d_v": (1, 1024),
    "vocab_size": (4, 4096),
    "seed": (0, 2**31 - 1),
}
_TRUE, _FALSE = ("1", "true", "on", "yes"), ("0", "false", "off", "no")
_CHOICES = {"activation": ACTIVATIONS, "output": OUTPUTS, "dtype": DTYPES, "device": DEVICES, "tokenizer": TOKENIZERS}

# Notes on a link, besides those that every number and choice has.
_NO_SWITCH = "{given} was asked for; {name} can be 1 or 0. {used} is used."
_NOT_DIVIDED = "The link comes to d_model {width} with {heads} heads, which do not divide it. d_model {used} is used."
_ONLY_RANDOM_USED = "{given} was asked for, and the trained weights fix it. {used} is used."
_ONLY_RANDOM_UNUSED = "{given} was asked for, and the trained weights fix it. It is left out."
_NO_DECODING = "{given} was asked for; only what the trained model writes itself has steps of decoding. It is left out."
_NO_STEP = "{given} was asked for; {label} is a whole number from {low} to {high}. It is left out."
_BEYOND_THE_END = "{given} was asked for; {label} goes from {low} to {high} at most. The last step is shown."


@dataclass(frozen=True)
class Settings:
    """The model's config, and what it reads.

    Args:
        config: the sizes and switches of the model.
        reads: a text (``SENTENCES``) or generated tokens (``TOKENS``).
        source: the text, a sentence a line.
        target: its translation, a line for each; empty where the trained model writes it.
        upto: the step of decoding that is shown where the trained model writes the target: how many characters it has
            written by then; None for all of them.
        opened: the name of a saved trace that is shown in the place of a run, "" for none.
        model: one of today's models in the place of the built-in Transformer, whose ``config`` then waits; None for
            none.
    """

    QUERY_NAMES: ClassVar[frozenset[str]]

    config: Config = field(default_factory=Config)
    reads: str = SENTENCES
    source: str = SOURCE
    target: str = TARGET
    upto: int | None = None
    opened: str = ""
    model: ChosenModel | None = None

    @property
    def trained(self) -> bool:
        """Whether the trained model is run."""
        return self.config.weights == TRAINED and not self.opened and self.model is None

    @property
    def writes(self) -> bool:
        """Whether the target is what the trained model writes."""
        return self.trained and not self.target.strip()

    @property
    def sentences(self) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
        """Source and target sentences, one a line; None where tokens are generated."""
        if self.reads == TOKENS:
            return None
        return _lines(self.source), _lines(self.target)

    def to_query(self) -> dict[str, str]:
        """These settings as the query of an address: what differs from the settings people begin with."""
        if self.model is not None and not self.opened:
            return self._model_query(self.model)
        trained = self.config.weights == TRAINED
        start = _start(trained, self.config.tokenizer)
        usual = {field.name: getattr(start.config, field.name) for field in dataclasses.fields(start.config)}
        if not trained:
            usual |= following(self.config.heads, self.config.d_model) | {"tokenizer": WORDS}
        query = {
            name: text_of_value(getattr(self.config, name))
            for name in usual
            if getattr(self.config, name) != usual[name]
        }
        if not trained:
            query["weights"] = RANDOM
        for name in ("reads", "source", "target"):
            if getattr(self, name) != getattr(start, name):
                query[name] = getattr(self, name)
        if self.writes and self.upto is not None:
            query["upto"] = str(self.upto)
        if self.opened != given_name():
            query["trace"] = self.opened or NOTHING
        return query

    def _model_query(self, model: ChosenModel) -> dict[str, str]:
        start = with_model(self, model.name)
        names = ("reads", "source", "target") if model.reads_target else ("reads", "source") if model.reads_text else ()
        texts = {name: getattr(self, name) for name in names if getattr(self, name) != getattr(start, name)}
        return {**model.to_query(), **texts, **({"trace": NOTHING} if given_name() else {})}

    def named(self, name: str) -> Any:
        """What these settings have under a name of the address; None where they have nothing of that name."""
        for holder in (self if self.model is None else self.model.config, self.model, self.config, self):
            if hasattr(holder, name):
                return getattr(holder, name)
        return None


CONFIG_FIELDS = tuple(f.name for f in dataclasses.fields(Config))
_TEXTS = ("reads", "source", "target", "upto", "trace")
Settings.QUERY_NAMES = frozenset({*CONFIG_FIELDS, *_TEXTS, *FIELDS, MODEL, KEPT, PREFILL})
# What only random weights have: an address with one of these and no word about weights means random ones.
_ONLY_RANDOM = frozenset({*FIXED, "tokenizer", "seed", "reads", "batch", "src_len", "tgt_len"})


@cache
def _start(trained: bool, tokenizer: str = WORDS) -> Settings:
    """What a person begins with, with either kind of weights, and with random ones either kind of tokens."""
    config = trained_config() if trained else Config(tokenizer=tokenizer)
    source, target = example_of(config)
    return Settings(config, source=source, target=target)


def first() -> Settings:
    """The settings of an address without a query: the trained model."""
    return dataclasses.replace(_start(trained=True), opened=given_name())


def with_model(settings: Settings, name: str) -> Settings:
    """The settings with one of today's models, at the sizes and with the text that it begins with.

    Args:
        settings: where the person is. The settings of the built-in Transformer are kept in them.
        name: of a model, as ``chosen_model`` takes it.
    """
    model = chosen_model(name)
    reads = SENTENCES if model.reads_text else TOKENS
    target = TARGET if isinstance(model.config, T5Config) else ""
    return Settings(settings.config, reads, SOURCE, target, model=model)


def without_model(settings: Settings) -> Settings:
    """The settings of the built-in Transformer as they were before a model was chosen, with a text to read."""
    source, target = example_of(settings.config)
    return Settings(settings.config, source=source, target=target)


def example_of(config: Config) -> tuple[str, str]:
    """The source and target to begin with; the target of trained weights is empty, because they write it."""
    if config.tokenizer == WORDS:
        return SOURCE, TARGET
    return DATE, "" if config.weights == TRAINED else ANSWER


def text_of(settings: Settings) -> tuple[str, str]:
    """The source and the target."""
    return settings.source, settings.target


def from_query(query: Mapping[str, str]) -> tuple[Settings, tuple[Note, ...]]:
    """The settings of an address.

    Args:
        query: the names and values of the address; names that are no setting are passed over.

    Returns:
        The settings, and a note for every value that could not be used. A note names what the settings have in the end,
        also where that follows from other values of the link.
    """
    model, model_notes = model_from_query(query)
    if model is not None and query.get("trace", NOTHING) == NOTHING:
        return _with_query(model, query), model_notes
    usual = RANDOM if _ONLY_RANDOM & query.keys() else TRAINED
    weights, problem = choice("weights", query.get("weights", usual), WEIGHTS, TRAINED)
    problems = [problem]
    trained = weights == TRAINED
    tokenizer = query.get("tokenizer", WORDS)
    start = _start(trained, tokenizer if tokenizer in TOKENIZERS else WORDS)
    changes: dict[str, Any] = {}
    for name in CONFIG_FIELDS:
        if name in query and name != "weights":
            if trained and name in _ONLY_RANDOM:
                problems.append(_fixed(name, query[name]))
                continue
            value, problem = _value(name, query[name])
            if problem is None or not problem.usual:  # what is usual for d_k follows from other values of the link
                changes[name] = value
            problems.append(problem)
    config, more = (trained_config(**changes), ()) if trained else _sound(changes)
    reads, problem = choice("reads", query.get("reads", SENTENCES), (SENTENCES, TOKENS), SENTENCES)
    if trained and reads == TOKENS:
        reads, problem = SENTENCES, LinkProblem("reads", TOKENS, _ONLY_RANDOM_USED)
    problems.append(problem)
    settings = Settings(config, reads, query.get("source", start.source), query.get("target", start.target))
    if "upto" in query:
        settings, problem = _decoding_step(settings, query["upto"])
        problems.append(problem)
    trace_name = query.get("trace", given_name())
    settings = dataclasses.replace(settings, opened="" if trace_name == NOTHING else trace_name)
    notes = (problem.note(_used(settings, problem.name)) for problem in problems if problem is not None)
    return settings, (*model_notes, *notes, *more)


def _with_query(model: ChosenModel, query: Mapping[str, str]) -> Settings:
    """The settings with a model, and the texts of an address."""
    start = with_model(first(), model.name)
    texts: dict[str, Any] = {}
    if model.reads_text:
        texts = {name: query[name] for name in ("source", "target") if name in query}
        texts["reads"] = TOKENS if query.get("reads") == TOKENS else SENTENCES
    return dataclasses.replace(start, model=model, **texts)


def following(heads: int, d_model: int) -> dict[str, int | None]:
    """d_k, d_v and d_ff as they follow from heads and d_model; no d_k and d_v where heads do not divide d_model."""
    share = None if d_model % heads else d_model // heads
    return {"d_k": share, "d_v": share, "d_ff": 4 * d_model}


def _sound(changes: dict[str, Any]) -> tuple[Config, tuple[Note, ...]]:
    """A config with these changes, made valid by moving d_model where heads do not divide it."""
    try:
        return Config(**changes), ()
    except ConfigError:
        default = Config()
        heads, width = changes.get("heads", default.heads), changes.get("d_model", default.d_model)
        fitting = nearest_multiple(width, heads)
        note = Note(("d_model", "heads"), _NOT_DIVIDED.format(width=width, heads=heads, used=fitting))
        return Config(**changes | {"d_model": fitting}), (note,)


def _value(name: str, text: str) -> tuple[Any, LinkProblem | None]:
    """What a link says of a field of the config, or what is to be used instead, and the problem with it."""
    default = getattr(Config(), name)
    if isinstance(default, bool):
        if text.lower() in _TRUE + _FALSE:
            return text.lower() in _TRUE, None
        return default, LinkProblem(name, text, _NO_SWITCH, {"name": name})
    if isinstance(default, int):
        return whole_number(name, text, *RANGES[name], default)
    return choice(name, text, _CHOICES[name], default)


def _fixed(name: str, text: str) -> LinkProblem | None:
    """The problem with a value that trained weights do not leave free; None where it is the one they have."""
    fixed = {**FIXED, "tokenizer": CHARACTERS}
    if name not in fixed:
        return LinkProblem(name, text, _ONLY_RANDOM_UNUSED)
    return None if text == text_of_value(fixed[name]) else LinkProblem(name, text, _ONLY_RANDOM_USED)


def _decoding_step(settings: Settings, text: str) -> tuple[Settings, LinkProblem | None]:
    """The settings with the step of decoding that a link asks for. How many there are shows when the model has run."""
    if not settings.writes:
        return settings, LinkProblem("upto", text, _NO_DECODING)
    step, problem = whole_number("upto", text, 0, MOST_STEPS - 1, 0)
    if problem is not None and problem.usual:
        return settings, problem.with_template(_NO_STEP)
    if problem is not None and step:
        problem = problem.with_template(_BEYOND_THE_END)
    return dataclasses.replace(settings, upto=step), problem


def _used(settings: Settings, name: str) -> str:
    """What the settings have under a name of the address."""
    return text_of_value(getattr(settings.config if name in CONFIG_FIELDS else settings, name))


def nearest_multiple(value: int, of: int) -> int:
    """The multiple of ``of``, at least 1, nearest to ``value`` that the control of d_model reaches."""
    high = RANGES["d_model"][1] // of * of
    return min(max((value + of // 2) // of * of, of), high)


def text_of_value(value: Any) -> str:
    """A setting as the address has it; a switch is 1 or 0."""
    return str(int(value)) if isinstance(value, bool) else str(value)


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line for line in text.splitlines() if line.strip()) or ("",)
