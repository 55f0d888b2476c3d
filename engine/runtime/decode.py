"""From probabilities to text, one character after the other: what the model writes on its own, and what it would have
said next at every place of a text that is given to it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property, reduce
from operator import add

import torch
from torch import Tensor

from engine.config import Config, ConfigError, number_problem
from engine.model.transformer import Transformer
from engine.pretrained.greedy import greedy
from engine.record.trace import Trace
from engine.runtime.footprint import Bytes, measure
from engine.runtime.forward import Sentences, build_model, memory_guard, run_batch, tokenize_text
from engine.text import tokenizer
from engine.text.tokenizer import BEGIN, END

MOST_STEPS = 16  # a date and its end take 11
_RANKED = 192  # bytes of one token in a ranking: a pair, its probability, and its label where it is no known word


@dataclass(frozen=True)
class NextToken:
    """The next token at one position, and how probable each token of the vocabulary was there.

    Attributes:
        token: the one that was taken, as displayed: the most probable where the model writes on its own, the one given
            under teacher forcing.
        probability: of that one, from 0 to 1.
        ranked: every token of the vocabulary with its probability, the most probable first.
    """

    token: str
    probability: float
    ranked: tuple[tuple[str, float], ...] = field(repr=False)

    @property
    def best(self) -> str:
        """The most probable token, as displayed."""
        return self.ranked[0][0]


@dataclass(frozen=True)
class Decoded:
    """What the model wrote on its own: at every step it reads all it has written so far, and takes the likeliest next.

    Attributes:
        source: the text that the encoder read.
        text: what was written, without begin and end.
        ended: False where the end did not come within ``MOST_STEPS`` tokens.
        choices: the token of each step.
        traces: the run of each step; keys and values are computed anew in each, as in the paper.
    """

    source: str
    text: str
    ended: bool
    choices: tuple[NextToken, ...]
    traces: tuple[Trace, ...] = field(repr=False)

    def written_by(self, upto: int | None = None) -> int:
        """The step at which ``upto`` characters were written; the last one for None, and where it wrote fewer."""
        last = len(self.traces) - 1
        return last if upto is None else min(upto, last)

    @cached_property
    def probability(self) -> float:
        """How probable the model held the whole of it: the product over the steps."""
        product = 1.0
        for choice in self.choices:
            product *= choice.probability
        return product


@dataclass(frozen=True)
class TeacherForced:
    """What the model held probable at every place of a text that was given to it (teacher forcing).

    One trace shows all places at once: the causal mask hides from each what comes after it. ``choices`` has an entry
    for every character of the text and one for its end.

    Attributes:
        source: the text that was read.
        target: the text that was given.
        choices: what the model held probable at each place.
        trace: of the pass.
    """

    source: str
    target: str
    choices: tuple[NextToken, ...]
    trace: Trace = field(repr=False)


def decode(source: str, config: Config, *, model: Transformer | None = None) -> Decoded:
    """Greedy decoding of one source text, with a trace of every step; at most ``MOST_STEPS`` of them.

    Args:
        source: one sentence.
        config: the sizes and switches. Any weights will do; random ones write nonsense.
        model: saves building the weights again, as in ``run``.

    Returns:
        What was written, and the run of each of its steps.

    Raises:
        ConfigError, TooLargeError, TextError, WeightsError: as ``run`` does.
    """
    config, batch = tokenize_text(config, [source])
    with memory_guard(config, measure_decoding):
        return _decode(source, config, batch, model or build_model(config))


def measure_decoding(config: Config) -> Bytes:
    """The most bytes that decoding every sentence of the batch by itself will hold.

    An end that comes early leaves the last steps out; ``measure_decoded`` counts those that were made.
    """
    lengths = range(1, MOST_STEPS + 1)
    steps = reduce(
        add, (measure_teacher_forced(config.change(batch=1, tgt_len=length), ranked=1) for length in lengths)
    )
    return Bytes(config.batch * steps.tensors, steps.parameters, config.batch * steps.objects)


def measure_decoded(decoded: Decoded) -> int:
    """The bytes that this answer holds, the model not among them."""
    return sum(measure_teacher_forced(trace.config, ranked=1).recording for trace in decoded.traces if trace.config)


def measure_teacher_forced(config: Config, ranked: int | None = None) -> Bytes:
    """The bytes of a run of this config together with the rankings of so many of its places, by default of all."""
    positions = config.tgt_len if ranked is None else ranked
    return measure(config) + Bytes(0, 0, _RANKED * positions * config.vocab_size)


def teacher_forced(source: str, target: str, config: Config, *, model: Transformer | None = None) -> TeacherForced:
    """One run with the target given, and what was probable at each of its positions, the end included.

    Args:
        source: one sentence.
        target: what the decoder is given of its translation.
        config: the sizes and switches.
        model: saves building the weights again, as in ``run``.

    Returns:
        The run, and for each token of the target and its end how probable it was.

    Raises:
        ConfigError, TooLargeError, TextError, WeightsError: as ``run`` does.
    """
    config, batch = tokenize_text(config, [source], [target])
    with memory_guard(config):
        trace = run_batch(config, batch, model or build_model(config))
    wanted = (*batch.target_ids[0][1:], END)
    rows = _probabilities(trace, config)
    choices = (_choice(row, token, batch.vocabulary) for row, token in zip(rows, wanted, strict=True))
    return TeacherForced(source, target, tuple(choices), trace)


def _decode(source: str, config: Config, batch: tokenizer.Batch, model: Transformer) -> Decoded:
    choices: list[NextToken] = []
    traces: list[Trace] = []

    def likeliest(tokens: Tensor) -> Tensor:
        step = dataclasses.replace(batch, target_ids=(tuple(tokens[0].tolist()),))
        trace = run_batch(config.change(tgt_len=tokens.size(1)), step, model)
        probabilities = _probabilities(trace, config)[-1]
        # The first of the ranking: argmax may settle a tie in another way.
        token = _ranked(probabilities).indices[:1]
        choices.append(_choice(probabilities, int(token), batch.vocabulary))
        traces.append(trace)
        return token

    written = greedy(likeliest, torch.tensor([[BEGIN]]), END, MOST_STEPS)[0].tolist()
    return Decoded(source, batch.vocabulary.decode(written), written[-1] == END, tuple(choices), tuple(traces))


def answered(
    config: Config, batch: tokenizer.Batch, written: Iterable[Decoded], upto: int | None = None
) -> tuple[Config, tokenizer.Batch]:
    """The run in which the decoder reads what the model wrote itself: its config and token ids, for ``run_batch``.

    Args:
        config, batch: as ``read_text`` returns them for the sources alone.
        written: what the model wrote for every source.
        upto: how many characters of it the decoder reads, all where a text has fewer; None for all of all texts.
    """
    traces = (decoded.traces[decoded.written_by(upto)] for decoded in written)
    target_ids = tokenizer.padded([tuple(trace.inputs["target"][0].tolist()) for trace in traces])
    return config.change(tgt_len=len(target_ids[0])), dataclasses.replace(batch, target_ids=target_ids)


def run_written(
    config: Config, source: Sentences, upto: int | None = None, *, model: Transformer | None = None
) -> Trace:
    """``run`` on sources whose targets the model writes itself.

    Args:
        config: the sizes and switches.
        source: a sentence, or several.
        upto: how many characters of each target the decoder has read; None for all.
        model: saves building the weights again, as in ``run``.

    Raises:
        ConfigError, TooLargeError, TextError, WeightsError: as ``run`` does.
    """
    problem = None if upto is None else number_problem("upto", upto, 0, MOST_STEPS - 1)
    if problem:
        raise ConfigError((problem,))
    config, batch = tokenize_text(config, source)
    with memory_guard(config, _measure_written):
        model = model or build_model(config)
        sources = [source] if isinstance(source, str) else source
        written = (decode(sentence, config, model=model) for sentence in sources)
        return run_batch(*answered(config, batch, written, upto), model)


def _measure_written(config: Config) -> Bytes:
    """The most bytes of a run on what the model writes: the run itself, and one answer at a time."""
    return measure(config.change(tgt_len=MOST_STEPS)) + measure_decoding(config.change(batch=1))


def _probabilities(trace: Trace, config: Config) -> Tensor:
    """The probabilities (T, V) of the first sentence of a run, in float64 on the CPU."""
    output: Tensor = trace.output[0].to(device="cpu", dtype=torch.float64)
    return output if config.output == "softmax" else output.exp()


def _ranked(probabilities: Tensor) -> torch.return_types.sort:
    return probabilities.sort(descending=True, stable=True)


def _choice(probabilities: Tensor, token: int, vocabulary: tokenizer.Vocabulary) -> NextToken:
    ranked = _ranked(probabilities)
    shown = zip(map(vocabulary.label, ranked.indices.tolist()), ranked.values.tolist(), strict=True)
    return NextToken(vocabulary.label(token), probabilities[token].item(), tuple(shown))
