"""Why a step is there: one sentence for every step of the built-in Transformer, and for those of other models that play
the same part.

The table goes by the kind of module, the step's name and its operation, never by a whole path. In a model from
elsewhere a step has a sentence only where its part is certain from the data flow: what stands between a product of
queries and keys and the softmax over it.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.record.trace import Step, Trace

# What a module's name ends in → the kind of module, in the built-in Transformer.
_KINDS: Mapping[str, str] = {
    "source_embedding": "embedding",
    "target_embedding": "embedding",
    "source_position": "position",
    "target_position": "position",
    "source_padding_mask": "padding mask",
    "target_padding_mask": "padding mask",
    "causal_mask": "causal mask",
    "self_attention": "attention",
    "cross_attention": "cross-attention",
    "feed_forward": "feed-forward",
    "self_attention_norm": "norm",
    "cross_attention_norm": "norm",
    "feed_forward_norm": "norm",
    "norm": "norm",
    "": "model",
}
_LAYER = "layer"

_SPLIT = (
    "Each row of {width} numbers is cut into pieces of {each}, one for each of H = {heads} heads; nothing is computed "
    "and nothing moves."
)
_HEADS_FIRST = (
    "Heads move in front of the tokens, so that matmul takes every head as a matrix of its own, {length} × {each}."
)
_ATTENTION: Mapping[str, str] = {
    "query linear": "Each token asks: its query says what it looks for, for all heads side by side.",
    "key linear": "Each token can be found: its key says what it offers, for all heads side by side.",
    "value linear": "Each token gives: its value is what is taken along by whoever looks at it.",
    "query view": _SPLIT,
    "key view": _SPLIT,
    "value view": _SPLIT,
    "query permute": _HEADS_FIRST,
    "key permute": _HEADS_FIRST,
    "value permute": _HEADS_FIRST,
    "key_t transpose": (
        "A product of matrices meets rows with columns: for every query row to meet every key, the keys must stand as "
        "columns."
    ),
    "scores matmul": (
        "Each query row meets each key row, so the keys stand as columns; a large product says that they fit."
    ),
    "scaled div": (
        "A sum over d_k = {summed} spreads √{summed} times as wide as one product; divided by that, softmax does not "
        "choose one key alone from the beginning."
    ),
    "masked masked_fill": (
        "Keys that must not be seen get −∞ before the softmax, so that their weight is exactly 0 and the others still "
        "sum to 1."
    ),
    "weights softmax": (
        "Scores become shares: every query divides 1 among the keys, here {keys}, and the best fit gets most."
    ),
    "mixed matmul": (
        "Every query takes the values in the shares of its weights: here tokens learn of one another, and nowhere else."
    ),
    "mixed permute": "Tokens come back in front of heads, so that what all heads found for one token stands together.",
    "mixed contiguous": (
        "The permute only renamed axes; the view that follows needs the numbers of one row side by side in memory, so "
        "they are copied here."
    ),
    "concat view": "What H = {heads} heads found for a token is put end to end, back to one row a token.",
    "output linear": (
        "Until here the heads never met: W_O mixes what they found into one row of {width} for every token."
    ),
}
_CROSS_ATTENTION: Mapping[str, str] = {
    **_ATTENTION,
    "query linear": (
        "The decoder asks: the query of each target token says what it looks for in the source, for all heads "
        "side by side."
    ),
    "key linear": (
        "The encoder's memory can be found: the key of each source token says what it offers, for all heads "
        "side by side."
    ),
    "value linear": "The encoder's memory gives: the value of each source token is what the decoder takes along.",
    "mixed matmul": (
        "Every target token takes the values of the source in the shares of its weights: the only way from the source "
        "to the answer."
    ),
}
_NORM: Mapping[str, str] = {
    "mean mean": "Each token's row has a level of its own; to take it away, it is measured first.",
    "centred sub": "Without its mean a row has mean 0, so that rows differ in their pattern and not in their level.",
    "variance var": "How far the numbers of a row spread, to bring all rows to one spread.",
    "safe add": "The small eps keeps a row of equal numbers, whose variance is 0, from being divided by 0.",
    "deviation sqrt": "The variance is in squares; its root is a spread in the units of the numbers themselves.",
    "normalised div": (
        "Divided by its deviation every row has variance 1: however many layers are added up, the next finds the same "
        "range."
    ),
    "scaled mul": "Each of the {width} features gets a range of its own back, as training found useful.",
    "shifted add": "Each of the {width} features gets a level of its own back, as training found useful.",
}
_WHY: Mapping[str, Mapping[str, str]] = {
    "attention": _ATTENTION,
    "cross-attention": _CROSS_ATTENTION,
    "norm": _NORM,
    "embedding": {
        "embedded embedding": (
            "An id says only which token it is; its row of the table has {width} numbers that training can move."
        ),
        "scaled mul": (
            "Times √d_model the numbers of a token are as large as those of its position, which are added next."
        ),
    },
    "position": {
        "place arange": "Attention sees a set of tokens without order; the number of each place is where order begins.",
        "place_column unsqueeze": (
            "Places as a column meet frequencies as a row: broadcasting then makes every pair of them."
        ),
        "even arange": "A sine and a cosine share a frequency, so there is one for every second feature.",
        "exponent mul": "Frequencies fall by equal factors: their logarithms are equal steps.",
        "frequency exp": "The first waves turn with every token, the last hardly over the whole sentence.",
        "angle mul": "How far each wave has turned at each place.",
        "sine sin": "A sine stays between −1 and 1 however long the sentence is.",
        "cosine cos": (
            "With the cosine beside the sine, moving on by some places is a rotation, the same one from any place."
        ),
        "pairs stack": "Sine and cosine of one frequency stand side by side, as the paper has them.",
        "waves view": "The pairs of one place, end to end, are one row of features.",
        "encoding getitem": (
            "Pairs of waves are even in number: with an odd d_model the last cosine is one too many and cut off here."
        ),
        "encoding to": "The angles were computed exactly enough; to be added, they take the type of the embedding.",
        "placed add": (
            "Added to the embedding, a place is part of the token's own numbers, and the width stays {width}."
        ),
    },
    "padding mask": {
        "padding eq": "Sentences of one batch are filled up to one length; what only fills must be known to be hidden.",
        "per_query unsqueeze": (
            "An axis of 1 for the queries: the same keys are hidden from every one of them, by broadcasting."
        ),
        "mask unsqueeze": (
            "An axis of 1 for the heads: with it the mask has the four axes of the scores, and broadcasts onto them."
        ),
    },
    "causal mask": {
        "ones ones": "Every query with every key, as a square from which the hidden part is cut.",
        "future triu": "Above the diagonal the key comes after the query: what is not yet written must not be seen.",
        "per_head unsqueeze": "An axis of 1 for the heads: the future is hidden from all of them alike.",
        "mask unsqueeze": (
            "An axis of 1 for the batch: with it the mask has the four axes of the scores, and broadcasts onto them."
        ),
    },
    "feed-forward": {
        "hidden linear": (
            "Each token on its own gets {width} hidden units: room to compute what adding up values alone cannot."
        ),
        "active relu": (
            "Without a bend, two linear layers would be one; relu lets pass what is positive and stops the rest."
        ),
        "active gelu": (
            "Without a bend, two linear layers would be one; gelu lets large numbers pass and smoothly stops the rest."
        ),
        "output linear": "Back to the width {width} of the residual stream, to which it is added next.",
    },
    _LAYER: {
        "after_attention add": (
            "Added and not put in its place: what the token was stays, and the gradient has a way past the attention."
        ),
        "after_cross_attention add": (
            "Added and not put in its place: what was written stays, and what was read in the source joins it."
        ),
        "after_feed_forward add": (
            "Added and not put in its place: what the token was stays, and the gradient has a way past both linear "
            "layers."
        ),
    },
    "model": {
        "mask bitwise_or": "A key is hidden where it is padding or in the future: either is enough.",
        "logits linear": "A score for each of the {width} tokens of the vocabulary: how well it would come next.",
        "log_probabilities log_softmax": (
            "Scores become logarithms of probabilities: training adds them up, and no small one rounds to 0."
        ),
        "probabilities softmax": "Scores become probabilities: positive, and 1 together, over {width} tokens.",
    },
}


def why(trace: Trace, step: Step) -> str:
    """Why a step is there, in one sentence.

    Args:
        trace: the trace of the step.
        step: the step.

    Returns:
        The sentence; empty for a step whose part is not known.
    """
    if trace.config is None:
        part = attention_part(trace, step)
        template = _ATTENTION.get(part, "")
    else:
        template = _WHY.get(_kind(step), {}).get(f"{step.name} {step.op}", "")
    return template.format_map(_sizes(trace, step)) if template else ""


def attention_part(trace: Trace, step: Step) -> str:
    """What a step of any model does in attention, by the data flow alone; empty where that is not certain.

    Args:
        trace: the trace of the step.
        step: the step.

    Returns:
        The name and operation that the step has in the built-in model, such as ``scores matmul``.
    """
    if step.op == "softmax":
        return "weights softmax" if _product_before(step) is not None else ""
    if step.op in ("matmul", "bmm"):
        first = step.inputs[0]
        if isinstance(first, Step) and first.op == "softmax" and _product_before(first) is not None:
            return "mixed matmul"
        return "scores matmul" if _leads_to_softmax(trace, step) else ""
    if step.op in ("transpose", "permute"):
        products = [reader for reader in trace.consumers.get(step.index, ()) if reader.op in ("matmul", "bmm")]
        are_scores = [_leads_to_softmax(trace, product) and product.inputs[1] is step for product in products]
        return "key_t transpose" if any(are_scores) and _swaps_last_two(step) else ""
    if step.op not in ("div", "mul", "masked_fill") or _product_before(step) is None:
        return ""
    if not _leads_to_softmax(trace, step):
        return ""
    if step.op == "masked_fill":
        return "masked masked_fill"
    return "scaled div" if len(step.inputs) == 1 else ""


def _kind(step: Step) -> str:
    name = step.path.rpartition(".")[2]
    return _LAYER if name.isdecimal() else _KINDS.get(name, "")


def _sizes(trace: Trace, step: Step) -> Mapping[str, int]:
    """What the templates may name."""
    before = step.inputs[0].value.shape if step.inputs else step.shape
    cut, length = step.shape[-1:] or (1,), step.shape[-2:-1] or (1,)
    return {
        "heads": trace.sizes.get("H", 1),
        "width": (before if step.op == "view" else step.shape)[-1] if step.shape else 1,
        "each": cut[0],
        "length": length[0],
        "keys": cut[0],
        "summed": _summed(step),
    }


def _summed(step: Step) -> int:
    """How many products one score that stands before this step is the sum of."""
    product = _product_before(step) if step.op not in ("matmul", "bmm") else step
    return product.inputs[0].value.shape[-1] if product is not None else 0


def _product_before(step: Step) -> Step | None:
    """The product of matrices that these scores come from, through steps that keep their shape."""
    before = step.inputs[0] if step.inputs else None
    while isinstance(before, Step) and before.shape == step.shape:
        if before.op in ("matmul", "bmm"):
            return before
        if before.op == "softmax":
            return None
        before = before.inputs[0] if before.inputs else None
    return None


def _leads_to_softmax(trace: Trace, step: Step) -> bool:
    """Whether what is made of these scores, in their shape, is a softmax that a product of matrices reads."""
    present = step
    for _ in range(len(trace.steps)):
        readers = [reader for reader in trace.consumers.get(present.index, ()) if reader.shape == step.shape]
        if not readers:
            return False
        present = readers[0]
        if present.op == "softmax":
            products = trace.consumers.get(present.index, ())
            return any(reader.op in ("matmul", "bmm", "dropout") for reader in products)
    return False


def _swaps_last_two(step: Step) -> bool:
    before = step.inputs[0].value
    return before.dim() > 1 and before.shape[-1] == step.shape[-2]
