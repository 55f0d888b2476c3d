"""The ways of the first word to the last output, drawn: one line of words for each kind of layer."""

from __future__ import annotations

import html
import itertools
from collections.abc import Mapping

from engine.labs.long_range.paths import KERNEL, WordPath
from engine.wording import counted

_TITLES = {
    "attention": "Self-attention",
    "convolution": "Convolutions, kernel {kernel}",
    "rnn": "RNN",
    "bottleneck": "RNN that hands its last state to a second one",
}
_WORDS = {
    "attention": "The last word's query meets the key of word 0 itself: {carried} numbers, those of all {n} words, "
    "lie open to it.",
    "convolution": "Each layer lets a word see {reach} words further back: it takes {count} of them, one on the other, "
    "until the last output knows word 0.",
    "rnn": "Every word between rewrites the state. What is left of {n} words has to fit into {carried} numbers.",
    "bottleneck": "A translator of this kind has {carried} numbers of the {n} · {width} = {all} that were read, "
    "however long the sentence is.",
}
_STEP, _STEPS = "{count} step", "{count} steps"
_ALT = "{title}: word 0 reaches the last output through positions {positions}"
_LOW, _HIGH = 12, 56  # pixels: an arc between neighbours, and the highest
_BAR = "{carried} of {all} numbers"
# A colour a kind, light and dark: those of the curves below, which colour-blind eyes tell apart.
_COLOURS = {
    "attention": ("#c2410c", "#fb923c"),
    "convolution": ("#00795a", "#35c79b"),
    "rnn": ("#0072b2", "#56b4e9"),
    "bottleneck": ("#a3477f", "#e59bc8"),
}
_STYLE = """<style>
.word-paths { display: grid; gap: 0.9rem 1.4rem; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); }
.word-paths figure { margin: 0; min-width: 0; break-inside: avoid; color: var(--way); }
.word-paths figcaption { display: flex; justify-content: space-between; gap: 1rem; align-items: baseline; }
.word-paths figcaption b { font-size: 1.05rem; white-space: nowrap; }
.word-paths .line { position: relative; height: calc(var(--high) + 16px); }
.word-paths .line i { position: absolute; bottom: 8px; box-sizing: border-box; border: 2px solid currentColor;
  border-bottom: 0; border-radius: 50% 50% 0 0 / 100% 100% 0 0; }
.word-paths .line u { position: absolute; bottom: 8px; width: clamp(3px, calc(60% / var(--words)), 10px);
  aspect-ratio: 1; border-radius: 50%; border: 1px solid currentColor; background: var(--st-background-color, Canvas);
  transform: translate(-50%, 50%); }
.word-paths .line u.way { background: currentColor; }
.word-paths p { margin: 0.1rem 0 0; font-size: 0.85rem; line-height: 1.4; }
.word-paths figcaption span, .word-paths p { color: light-dark(#31333f, #e6e8ee); }
.word-paths .bar { height: 6px; border-radius: 3px; margin-top: 0.35rem;
  background: color-mix(in srgb, currentColor 18%, transparent); }
.word-paths .bar i { display: block; height: 100%; min-width: 3px; border-radius: 3px; background: currentColor; }
@media (max-width: 640px) { .word-paths { grid-template-columns: minmax(0, 1fr); } }
</style>"""


def paths_html(paths: Mapping[str, WordPath], length: int, width: int) -> str:
    """The figure.

    Args:
        paths: for each kind of layer its way, as ``word_paths`` gives them.
        length: n, words of the sentence.
        width: d_model.

    Returns:
        HTML without a script. What a bar fills is the part of all numbers of the sentence that the last step reads.
    """
    drawn = (_figure(name, path, length, width) for name, path in paths.items())
    return f'{_STYLE}<div class="word-paths">{"".join(drawn)}</div>'


def _figure(name: str, path: WordPath, length: int, width: int) -> str:
    title = _TITLES[name].format(kernel=KERNEL)
    values = {"n": length, "width": width, "all": f"{length * width:,}", "carried": f"{path.carried:,}"}
    sentence = _WORDS[name].format(reach=KERNEL - 1, count=path.steps, **values)
    share = 100 * path.carried / (length * width)
    light, dark = _COLOURS[name]
    return (
        f'<figure style="--way: light-dark({light}, {dark})" data-kind="{name}" data-steps="{path.steps}">'
        f"<figcaption><span>{html.escape(title)}</span><b>{counted(path.steps, _STEP, _STEPS)}</b></figcaption>"
        f"{_line(title, path, length)}"
        f'<div class="bar" title="{_BAR.format(**values)}"><i style="width: {share:.2f}%"></i></div>'
        f"<p>{html.escape(sentence)}</p></figure>"
    )


def _line(title: str, path: WordPath, length: int) -> str:
    """The words as dots, and an arc for each step between two positions."""
    count = max(length, path.positions[-1] + 1)
    stops = (0, *path.positions)
    arcs = [(before, after) for before, after in itertools.pairwise(stops) if before != after]
    high = max((_height(before, after) for before, after in arcs), default=_LOW)
    drawn = []
    for before, after in arcs:
        left, wide = _across(before, count), _across(after, count) - _across(before, count)
        height = _height(before, after)
        drawn.append(f'<i style="left: {left:.3f}%; width: {wide:.3f}%; height: {height}px"></i>')
    for position in range(count):
        look = ' class="way"' if position in stops else ""
        drawn.append(f'<u{look} style="left: {_across(position, count):.3f}%"></u>')
    described = _ALT.format(title=title, positions=", ".join(map(str, path.positions)))
    return (
        f'<div class="line" role="img" aria-label="{html.escape(described)}" '
        f'style="--words: {count}; --high: {high}px">{"".join(drawn)}</div>'
    )


def _across(position: int, count: int) -> float:
    """Where a word stands, in percent of the width."""
    return 100 * (position + 0.5) / count


def _height(before: int, after: int) -> int:
    """Of an arc, in pixels: the further, the higher, up to a limit."""
    return min(_HIGH, _LOW + 5 * (after - before - 1))
