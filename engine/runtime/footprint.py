"""How many bytes a run will hold: arithmetic on its config, the same handful of sums however large the sizes are.

Every line of the model that makes new memory has its term here, in the order of the model's own lines; a view makes
none. A test compares the sums with what runs really hold, byte by byte, so a line that is added to the model without
its term does not go unseen.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.config import Config

_ITEM = {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2}  # bytes of a number
_BOOL = 1
# Objects, in bytes: of a step, 1.7 to 2.4 KiB that tracemalloc counts for its source, parents and statistics once they
# were looked at, and the tensor's header in C++; of a token, its id twice and its label; of a word, its label.
_STEP, _TOKEN, _WORD = 2944, 256, 128
# At most so many steps does a layer of the encoder and of the decoder have, and the rest of the model.
_ENCODER_STEPS, _DECODER_STEPS, _OTHER_STEPS = 40, 68, 60


@dataclass(frozen=True)
class Bytes:
    """What a run holds.

    Attributes:
        tensors: the recorded tensors, shared memory counted once.
        parameters: the model's parameters.
        objects: at most what Python takes to keep the tokens and the steps, which of a small run is more than its
            tensors.
    """

    tensors: int
    parameters: int
    objects: int

    @property
    def recording(self) -> int:
        """What a run adds to a model that is there."""
        return self.tensors + self.objects

    @property
    def total(self) -> int:
        """What a run holds in all: model and recording."""
        return self.recording + self.parameters

    def __add__(self, other: Bytes) -> Bytes:
        """Both runs, of one and the same model."""
        return Bytes(self.tensors + other.tensors, self.parameters, self.objects + other.objects)


def measure(config: Config) -> Bytes:
    """The bytes that running this config will record and hold: tensors and parameters exactly, objects at most."""
    return Bytes(_tensors(config), _parameters(config), _objects(config))


def _tensors(config: Config) -> int:
    batch, source, target = config.batch, config.src_len, config.tgt_len
    item = _ITEM[config.dtype]
    numbers = (
        batch * (source + target) * 2 * config.d_model  # embedded, scaled
        + config.encoder_layers * _encoder_layer(config)
        + config.decoder_layers * _decoder_layer(config)
        + batch * target * 2 * config.vocab_size  # logits, (log-)probabilities
    )
    if config.norm_first:
        numbers += _norm(config, source) + _norm(config, target)
    return item * numbers + _positions(config, source) + _positions(config, target) + _masks(config)


def _positions(config: Config, length: int) -> int:
    """Bytes of the positional encoding of one side, and of what it is added to."""
    item = _ITEM[config.dtype]
    precise = max(item, 4)
    pairs = (config.d_model + 1) // 2
    # place; even, exponent, frequency; angle, sine, cosine, and the two side by side
    waves = length + 3 * pairs + 5 * length * pairs
    encoding = 0 if item == precise else length * config.d_model  # rounded to the dtype
    return precise * waves + item * (encoding + config.batch * length * config.d_model)


def _masks(config: Config) -> int:
    """Bytes of the padding masks, the causal mask, and the two in one."""
    padding = config.batch * (config.src_len + config.tgt_len) if config.padding_mask else 0
    square = config.tgt_len**2
    causal = 2 * square if config.causal_mask else 0  # ones, future
    both = config.batch * square if config.padding_mask and config.causal_mask else 0
    return _BOOL * (padding + causal + both)


def _encoder_layer(config: Config) -> int:
    length = config.src_len
    return (
        _attention(config, length, length, masked=config.padding_mask)
        + _feed_forward(config, length)
        + 2 * (config.batch * length * config.d_model + _norm(config, length))
    )


def _decoder_layer(config: Config) -> int:
    length = config.tgt_len
    return (
        _attention(config, length, length, masked=config.padding_mask or config.causal_mask)
        + _attention(config, length, config.src_len, masked=config.padding_mask)
        + _feed_forward(config, length)
        + 3 * (config.batch * length * config.d_model + _norm(config, length))
    )


def _attention(config: Config, length: int, length_k: int, masked: bool) -> int:
    """Numbers of ``engine.model.attention``; ``length`` tokens ask, ``length_k`` are asked."""
    queries, values = config.heads * config.d_k, config.heads * config.d_v
    scores = config.heads * length * length_k
    moved = config.heads > 1 and length > 1  # otherwise permute leaves a row's numbers side by side
    return config.batch * (
        length * queries
        + length_k * (queries + values)
        + (4 if masked else 3) * scores  # scores, scaled, masked, weights
        + (2 if moved else 1) * length * values  # mixed, and that contiguous
        + length * config.d_model  # output
    )


def _feed_forward(config: Config, length: int) -> int:
    return config.batch * length * (2 * config.d_ff + config.d_model)  # hidden, active, output


def _norm(config: Config, length: int) -> int:
    # mean, variance, safe, deviation; centred, normalised, scaled, shifted
    return config.batch * length * (4 + 4 * config.d_model)


def _parameters(config: Config) -> int:
    width, queries, values = config.d_model, config.heads * config.d_k, config.heads * config.d_v
    attention = 2 * _linear(width, queries) + _linear(width, values) + _linear(values, width)
    feed_forward = _linear(width, config.d_ff) + _linear(config.d_ff, width)
    norm = 2 * width
    return _ITEM[config.dtype] * (
        2 * config.vocab_size * width  # the embeddings of both sides
        + config.encoder_layers * (attention + feed_forward + 2 * norm)
        + config.decoder_layers * (2 * attention + feed_forward + 3 * norm)
        + (2 * norm if config.norm_first else 0)
        + _linear(width, config.vocab_size)
    )


def _linear(inputs: int, outputs: int) -> int:
    return inputs * outputs + outputs


def _objects(config: Config) -> int:
    steps = config.encoder_layers * _ENCODER_STEPS + config.decoder_layers * _DECODER_STEPS + _OTHER_STEPS
    tokens = config.batch * (config.src_len + config.tgt_len)
    return _STEP * steps + _TOKEN * tokens + _WORD * config.vocab_size
