"""What a model costs in memory and in arithmetic, at any size, without a number of it being made.

Sizes are in bytes, a GiB is 2³⁰ of them: a card of 80 GB has 80 GiB. FLOPs count a multiplication and an addition as
one each, as ``engine.ops`` does.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from engine import ops
from engine.config import Config
from engine.ops.registry import Movement
from engine.record.trace import Step, Trace
from engine.runtime.parameters import parameters_of
from engine.runtime.variants.run_variant import shapes_of
from engine.variant_config import (
    BertConfig,
    GPT2Config,
    LlamaConfig,
    MistralConfig,
    T5Config,
    VariantConfig,
    ViTConfig,
)

AnyConfig = Config | VariantConfig

BYTES_OF: dict[str, int] = {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2}
CARDS = (8, 24, 80)
"""Memory of usual graphics cards, in GiB."""
_GIB = 2**30
# The steps of attention between tokens, by name; of those called mixed, the product with the values.
_BETWEEN_TOKENS = frozenset(("scores", "scaled", "biased", "masked", "weights"))


@dataclass(frozen=True)
class StepCost:
    """What one step costs.

    Attributes:
        step: the step, on the meta device.
        flops: its floating-point operations.
        moved: bytes it reads and writes; 0 for a view, which only looks at memory in another way.
    """

    step: Step
    flops: int
    moved: int

    @property
    def intensity(self) -> float:
        """FLOPs for every byte moved: a GPU waits for its memory where this is low."""
        return self.flops / self.moved if self.moved else 0.0


@dataclass(frozen=True)
class CostSheet:
    """What a model costs at the sizes of its config.

    Attributes:
        parameters: how many numbers its weights are.
        weights: bytes of the weights.
        kv_cache: bytes of the keys and values that a decoder keeps of the whole text; 0 for an encoder.
        activations: bytes of all tensors of one forward pass, none let go, as a recording and a training in plain
            operations hold them.
        training: bytes of what training with Adam keeps beside the activations.
        tokens: tokens read, of a whole batch.
        flops: of one forward pass over them.
        between_tokens: how many of those are attention's between tokens: scores, mask, softmax and mix.
        steps: what each step costs.
    """

    parameters: int
    weights: int
    kv_cache: int
    activations: int
    training: int
    tokens: int
    flops: int
    between_tokens: int
    steps: tuple[StepCost, ...]

    @property
    def flops_per_token(self) -> float:
        """FLOPs of a forward pass for each token of it."""
        return self.flops / self.tokens

    @property
    def attention_share(self) -> float:
        """Which part of the FLOPs lies between tokens; it grows with the length, all else does not."""
        return self.between_tokens / self.flops

    @property
    def to_answer(self) -> int:
        """Bytes to write a text with: weights and cache."""
        return self.weights + self.kv_cache

    @property
    def to_train(self) -> int:
        """Bytes to train with: the state of training and the activations."""
        return self.training + self.activations


def cost_sheet(config: AnyConfig, cache_dtype: str | None = None) -> CostSheet:
    """The costs of a model at the sizes of its config.

    Args:
        config: of a variant or of the 2017 Transformer; batch, lengths and dtype are its own.
        cache_dtype: of the keys and values in the cache; None for that of the weights.
    """
    return sheet_of(shapes_of(config), config, cache_dtype)


def sheet_of(trace: Trace, config: AnyConfig, cache_dtype: str | None = None) -> CostSheet:
    """The costs of a model, of a run that there is.

    Args:
        trace: a run of the config over its whole text, with numbers or without.
        config: of a variant or of the 2017 Transformer.
        cache_dtype: as ``cost_sheet`` takes it.
    """
    steps = step_costs(trace)
    attentions = {step.path for step in trace.steps if step.name == "scores"}
    parameters = parameters_of(config).count
    return CostSheet(
        parameters=parameters,
        weights=parameters * BYTES_OF[config.dtype],
        kv_cache=kv_cache_bytes(config, cache_dtype or config.dtype),
        activations=activation_bytes(trace),
        training=training_bytes(parameters, config.dtype),
        tokens=_tokens(config),
        flops=sum(cost.flops for cost in steps),
        between_tokens=sum(cost.flops for cost in steps if _is_between_tokens(cost.step, attentions)),
        steps=steps,
    )


def kv_cache_bytes(config: AnyConfig, dtype: str) -> int:
    """The bytes of the keys and values that decoding keeps: of every layer, head of keys and place, d_k numbers twice.

    A window bounds the places. An encoder–decoder keeps the decoder's own and, once, those of the encoder's memory.

    Args:
        config: of a variant or of the 2017 Transformer; batch and lengths are its own.
        dtype: of the cache.

    Raises:
        TypeError: the config is of a model whose cache is not known here.
    """
    match config:
        case BertConfig() | ViTConfig():
            numbers = 0
        case GPT2Config():
            numbers = 2 * config.layers * config.heads * config.length * config.d_k
        case MistralConfig():
            positions = min(config.length, config.window)
            numbers = 2 * config.layers * config.kv_heads * positions * config.d_k
        case LlamaConfig():
            numbers = 2 * config.layers * config.kv_heads * config.length * config.d_k
        case T5Config():
            numbers = 2 * config.layers * config.heads * (config.src_len + config.tgt_len) * config.d_k
        case Config():
            positions = config.src_len + config.tgt_len
            numbers = config.decoder_layers * config.heads * positions * (config.d_k + config.d_v)
        case _:
            raise TypeError(f"no cache is known of {type(config).__name__}")
    return config.batch * numbers * BYTES_OF[dtype]


def training_bytes(parameters: int, dtype: str) -> int:
    """The bytes that training with Adam keeps of every parameter: itself, its gradient and two moments.

    In half precision the moments are float32, and so is a second copy of the weights that the small steps are added to
    (mixed precision: Micikevicius et al. 2018; the 16 bytes a parameter of ZeRO: Rajbhandari et al. 2020, section 3.1).

    Args:
        parameters: how many.
        dtype: of weights and gradients.
    """
    own = BYTES_OF[dtype]
    each = 2 * own + 3 * 4 if own == 2 else 4 * own
    return parameters * each


def activation_bytes(trace: Trace) -> int:
    """The bytes of the tensors of a run that have memory of their own."""
    return sum(step.nbytes for step in trace.steps if step.memory == "new")


def step_costs(trace: Trace) -> tuple[StepCost, ...]:
    """What each step of a run costs; an operation that nobody registered counts no FLOPs."""
    return tuple(StepCost(step, step.flops or 0, _moved(step)) for step in trace.steps)


def fitting_cards(nbytes: int, cards: Sequence[int] = CARDS) -> tuple[int, ...]:
    """Which of these cards, by their memory in GiB, hold so many bytes."""
    return tuple(card for card in cards if nbytes <= card * _GIB)


def _moved(step: Step) -> int:
    if step.memory != "new":
        return 0
    if ops.movement(step.op) is Movement.SELECTS:  # of a table that is looked up in, what is taken
        return 2 * step.nbytes
    read = {id(parent): parent.value for parent in step.inputs}
    return step.nbytes + sum(tensor.numel() * tensor.element_size() for tensor in read.values())


def _is_between_tokens(step: Step, attentions: Collection[str]) -> bool:
    # A norm has a step called scaled too.
    if step.path not in attentions:
        return False
    return step.name in _BETWEEN_TOKENS or (step.name == "mixed" and step.op == "matmul")


def _tokens(config: AnyConfig) -> int:
    if isinstance(config, Config | T5Config):
        return config.batch * (config.src_len + config.tgt_len)
    return config.batch * config.length  # type: ignore[attr-defined]
