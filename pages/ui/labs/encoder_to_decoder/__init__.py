"""What passes from the encoder to the decoder, and what a K/V cache saves."""

from __future__ import annotations

import streamlit as st

from engine.labs.encoder_to_decoder import Crossing, Handed, code, crossing, handed_over
from engine.labs.encoder_to_decoder.decoding_cost import Ways, ways
from engine.ops.access import AffineMap, AllIndices, SameIndex
from engine.ops.notation import number
from engine.text.tokenizer import TextError
from pages.ui.app.markdown_escape import code as said
from pages.ui.app.markdown_escape import escaped, visible
from pages.ui.components.tensor_view import OperationCard, Panel, tensor_view
from pages.ui.labs.encoder_to_decoder import three_attentions
from pages.ui.labs.kit import lab_widgets
from pages.ui.labs.kit.cached import result
from pages.ui.labs.kit.curves import Curve, curves

_USUAL = "21 November 2026"
_ROUNDING = 1e-4  # of log-probabilities in float32, which have about seven digits

_SAME_TEXT = (
    "The largest difference is {difference}, and the text written is the same: {anew} anew, {cached} with the cache."
)
_OTHER_TEXT = (
    "The largest difference is {difference}, and the text written is not the same: {anew} anew, {cached} with the "
    "cache."
)


def draw() -> None:
    st.markdown(
        "This is the trained model: the encoder reads a date as people write it, the decoder writes it as 2026-11-21, "
        "one character at a time. Between the two there is one kind of bridge, cross-attention, in every decoder layer."
    )
    text = lab_widgets.line("date", "A date for the encoder", _USUAL)
    try:
        steps = result(ways, text)
    except TextError as error:
        st.error(str(error))
        return
    sliders = st.columns(3)
    with sliders[0]:
        step = lab_widgets.number("step", "Characters the decoder has written", 0, len(steps.tokens) - 1, 4)
    with sliders[1]:
        layer = int(lab_widgets.pick("layer", "Decoder layer", tuple(map(str, range(len(steps.keys))))))
    with sliders[2]:
        head = int(lab_widgets.pick("head", "Head", tuple(map(str, range(steps.keys[0].size(1))))))
    cross_attention = result(crossing, text, step, layer)
    so_far = f"begin and {said(''.join(cross_attention.target[1:]))}" if step else "begin alone"
    st.markdown(
        f"The encoder has read {len(cross_attention.source)} tokens, begin and end among them: **S = "
        f"{len(cross_attention.source)}**. The decoder has read {so_far}: **T = {len(cross_attention.target)}**."
    )
    _, heads, length, d_k = cross_attention.query.shape
    script = code(cross_attention.key.size(2), length, heads, d_k)
    if _grows(cross_attention):
        three_attentions.side_by_side(cross_attention, layer, head)
        lab_widgets.lines(script, "the three attentions")
        three_attentions.across(cross_attention, head)
        lab_widgets.lines(script, "from the decoder to the encoder")
        if _memory(text, steps, step) and _same(steps):
            _cache(steps, step, layer, head)
            lab_widgets.lines(script, "one token at a time")
            if _saved(steps):
                _costs(steps, step)
    lab_widgets.snippet(script)


def _grows(cross_attention: Crossing) -> bool:
    pairs = zip(
        (cross_attention.query, cross_attention.key, cross_attention.value), cross_attention.longer, strict=True
    )
    query, key, value = (tuple(now.shape) != later for now, later in pairs)
    options = ("Q alone", "K and V alone", "Q, K and V", "none of them")
    answers = {(True, False, False): 0, (False, True, True): 1, (True, True, True): 2, (False, False, False): 3}
    named = zip(
        "QKV", (cross_attention.query, cross_attention.key, cross_attention.value), cross_attention.longer, strict=True
    )
    moves = [
        f"{name} stays {later}" if tuple(now.shape) == later else f"{name} goes from {tuple(now.shape)} to {later}"
        for name, now, later in named
    ]
    return lab_widgets.predict(
        "grows",
        "The decoder reads one token more. Which tensors of cross-attention get a row more?",
        options,
        options[answers[query, key, value]],
        f"{'; '.join(moves)}.",
        wrong={
            options[0]: "The decoder's rows are the queries. Here they did not change their number.",
            options[1]: "Keys and values are made from the memory, the encoder's output. The encoder has read nothing "
            "more. It is the decoder that asks, so there is one query more.",
            options[
                2
            ]: "That is so in the decoder's self-attention, where all three come from the decoder. Here keys and "
            "values come from the memory, which is as long as the source.",
            options[3]: "The token that was read asks too: it gets a query of its own.",
        },
    )


def _memory(text: str, steps: Ways, step: int) -> bool:
    lab_widgets.section("memory", "Is there any other way across?")
    most = len(steps.source) - 3
    index = lab_widgets.number("place", "Character of the source to change", 0, most, min(1, most))
    handover = result(handed_over, text, index, step)
    total = handover.usual.numel()
    changed, still = (int((other != handover.usual).sum()) for other in (handover.fresh, handover.handed))
    options = ("none of them", "fewer than half", "half or more, but not all", "all of them")
    shares = [still == 0, still < total / 2, still < total, True]
    _, length, width = handover.usual.shape
    answer = lab_widgets.predict(
        "memory",
        f"The encoder now reads {_shown(handover.changed)} in place of {_shown(handover.source)}, but its output is "
        f"exchanged for the old memory before the decoder sees it. How many of the decoder's {length} × {width} "
        "log-probabilities (T × V) differ from those before the change?",
        options,
        options[shares.index(True)],
        f"{still:,} of {total:,} differ with the old memory, {changed:,} with the new one.",
        wrong=lab_widgets.by_order(
            options,
            options[shares.index(True)],
            "More differ: something else than the memory reaches the decoder.",
            "The decoder never sees the source itself. Keys and values of cross-attention are made from the memory, "
            "and "
            "that is the old one, so it computes the same numbers again.",
        ),
    )
    if answer:
        _answers(handover)
    return answer


def _answers(handover: Handed) -> None:
    fresh, handed = handover.differences
    cases = (
        (handover.source, "its own", handover.answers[0], 0.0),
        (handover.changed, "its own", handover.answers[1], fresh),
        (handover.changed, "the old one", handover.answers[2], handed),
    )
    lines = [
        f"| {escaped(_text(read))} | {memory} | {escaped(answer)} | {number(difference)} |"
        for read, memory, answer, difference in cases
    ]
    heading = ["| the encoder reads | memory | the decoder writes | largest difference |", "|---|---|---|---|"]
    st.markdown("\n".join([*heading, *lines]))
    what = (
        "With the old memory every number is the same, bit for bit: the memory (B, S, d_model) is all that passes."
        if handover.same
        else f"With the old memory numbers differ by up to {number(handed)}."
    )
    st.caption(
        f"{what} In a batch with padding its mask passes too, so that nobody looks at the padding; a single text has "
        "none. The differences are those of the log-probabilities."
    )


def _same(steps: Ways) -> bool:
    lab_widgets.section("cache", "One token at a time, and what can be kept")
    st.markdown(
        "The model writes greedily: the most probable token is taken, fed back, and the decoder reads again. Anew, "
        "every step computes the queries, keys and values of all tokens so far. But the causal mask hides the future, "
        "so the rows of earlier tokens come out as before. With a **K/V cache** each step computes one query, appends "
        "one key and one value to those kept, and never computes those of the memory again."
    )
    most = max(steps.differences)
    options = ("equal, bit for bit", "equal but for rounding, below 0.0001", "different by more")
    index = 0 if most == 0 else 1 if most < _ROUNDING else 2
    because = _SAME_TEXT if steps.tokens == steps.cached_tokens else _OTHER_TEXT
    return lab_widgets.predict(
        "same",
        f"The log-probabilities of all {len(steps.tokens)} steps, computed anew and with the cache, are …",
        options,
        options[index],
        because.format(
            difference=number(most), anew=said("".join(steps.tokens)), cached=said("".join(steps.cached_tokens))
        ),
        wrong={
            options[0]: "The same products are computed, but one row at a time instead of many rows at once, and so "
            "added up in another order: the last digit can be rounded another way.",
            options[1]: "Here not even rounding differs."
            if index == 0
            else "The difference is larger than rounding explains.",
            options[
                2
            ]: "Nothing new is left out: the causal mask hides later tokens from earlier ones, so their keys and "
            "values are the same in every step. What differs is rounding.",
        },
    )


def _cache(steps: Ways, step: int, layer: int, head: int) -> None:
    read = ("⟨begin⟩", *steps.tokens[:step])
    query, keys = steps.queries[step, layer], steps.keys[layer][:, :, : step + 1]
    st.markdown(
        f"Step {step} of masked self-attention, layer {layer}: query {tuple(query.shape)}, that is (B, H, 1, d_k); "
        f"keys kept {tuple(keys.shape)}, that is (B, H, t, d_k), the last row new. In cross-attention the keys stay "
        f"{tuple(steps.memory_keys[layer].shape)}, (B, H, S, d_k), from the first step to the last."
    )
    tensor_view(
        [
            Panel("query", query[0, head], ("1", "d_k"), note="of the newest token", role="query"),
            Panel("keys kept", keys[0, head], ("T", "d_k"), (read, None), note=f"t = {step + 1}", role="key"),
            Panel("scores", steps.scores(step, layer)[0, head], ("1", "T"), (None, read), role="scores"),
        ],
        key="labs.encoder_to_decoder.cache",
        reads=[
            AffineMap.of(query[0, head], SameIndex(0), AllIndices()),
            AffineMap.of(keys[0, head], SameIndex(1), AllIndices()),
        ],
        operation=OperationCard(title="one query against the keys kept", code="query @ keys.mT"),
    )
    st.dataframe(
        {
            "step": [str(step) for step in range(len(steps.tokens))],
            "reads": [visible(token) for token in ("⟨begin⟩", *steps.tokens[:-1])],
            "anew": [visible(token) for token in steps.tokens],
            "cache": [visible(token) for token in steps.cached_tokens],
            "difference": [number(difference) for difference in steps.differences],
        },
        hide_index=True,
        height="content",
    )
    st.caption(
        "What each step reads, what it writes anew and with the cache, and the largest difference among its "
        "log-probabilities."
    )


def _saved(steps: Ways) -> bool:
    ratio = sum(steps.everything) / sum(steps.cache)
    options = ("less than twice", "2 to 5 times", "5 to 10 times", "more than 10 times")
    index = sum(ratio >= bound for bound in (2, 5, 10))
    return lab_widgets.predict(
        "saved",
        "Computing everything anew at each step, the encoder too: how many times the operations of decoding with the "
        "cache?",
        options,
        options[index],
        f"{sum(steps.everything):,} FLOPs anew, {sum(steps.cache):,} with the cache, {number(ratio, digits=3)} times. "
        f"With the encoder computed once and no cache: {sum(steps.decoder):,}.",
        wrong=lab_widgets.by_order(
            options,
            options[index],
            f"It is more: each of the {len(steps.tokens)} steps computes all tokens so far again, and the whole "
            "encoder "
            "as well.",
            f"It is less: there are only {len(steps.tokens)} steps, and the cache too must run the encoder once and "
            "compare each query with all keys.",
        ),
    )


def _costs(steps: Ways, step: int) -> None:
    positions = range(len(steps.tokens))
    ways = (
        ("all anew", steps.everything),
        ("decoder anew", steps.decoder),
        ("K/V cache", steps.cache),
    )
    curves(
        [Curve(name, positions, [count / 1e6 for count in counts]) for name, counts in ways],
        x="step",
        y="million FLOPs in this step",
        at=step,
    )
    if len(steps.tokens) > 2:
        grows, flat = steps.decoder[-1] - steps.decoder[-2], steps.cache[-1] - steps.cache[-2]
        layers, heads, width = len(steps.keys), *steps.keys[0].shape[1::2]
        kept = 2 * layers * heads * width
        st.markdown(
            "Step 0 runs the encoder in all three, and the first runs it again in every step. One token more makes "
            f"the next step cost {grows:,} FLOPs more with the decoder anew, and {flat:,} more with the cache: in each "
            "layer there is one more key to compare with and one more value to mix. The price is memory: the cache "
            f"keeps {kept:,} numbers a token, keys and values of {layers} layers and {heads} heads."
        )
    st.caption(
        "FLOPs are counted on recordings of the very calls: two for each multiply-and-add of a matrix product, one for "
        "each element of an element-wise operation, four for each of a softmax."
    )


def _shown(tokens: tuple[str, ...]) -> str:
    return said(_text(tokens))


def _text(tokens: tuple[str, ...]) -> str:
    return "".join(tokens[1:-1]).replace("␣", " ")
