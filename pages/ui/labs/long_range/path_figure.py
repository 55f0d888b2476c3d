"""The ways of the first word to the last output, drawn: one line of words for each kind of layer."""

from __future__ import annotations

import html
from collections.abc import Mapping

from engine.labs.long_range.paths import KERNEL, WordPath
from pages.ui.app.counted import counted

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
_GAP, _RADIUS, _LOWEST = 24, 5, 8  # units of the drawing: between two words, of a word, and what stands below a line
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
.word-paths svg { display: block; width: 100%; height: auto; max-height: 6.5rem; overflow: visible; }
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
    last = max(length - 1, path.positions[-1])
    wide = last * _GAP + 2 * _GAP
    stops = (0, *path.positions)
    arcs = [(before, after) for before, after in zip(stops, stops[1:], strict=False) if before != after]
    high = max((_height(before, after) for before, after in arcs), default=0.0)
    base = high + _RADIUS
    drawn = [_arc(before, after, base) for before, after in arcs]
    on_way = {0, *path.positions}
    for position in range(last + 1):
        at = f'cx="{_x(position):g}" cy="{base:g}" r="{_RADIUS}"'
        look = 'fill="currentColor"' if position in on_way else 'fill="none" stroke="currentColor" stroke-opacity="0.5"'
        drawn.append(f"<circle {at} {look}/>")
    return (
        f'<svg viewBox="0 0 {wide} {base + _RADIUS + _LOWEST:g}" role="img" '
        f'aria-label="{html.escape(_ALT.format(title=title, positions=", ".join(map(str, path.positions))))}">'
        f"{''.join(drawn)}</svg>"
    )


def _x(position: int) -> float:
    return _GAP * (position + 1)


def _height(before: int, after: int) -> float:
    """An arc over one word is a bow; over many it is no higher than the drawing has room for."""
    return min(60.0, 14.0 + 4.0 * (after - before))


def _arc(before: int, after: int, base: float) -> str:
    left, right, top = _x(before), _x(after), base - _height(before, after) * 4 / 3
    return (
        f'<path d="M{left:g} {base:g} C{left:g} {top:.1f} {right:g} {top:.1f} {right:g} {base:g}" fill="none" '
        f'stroke="currentColor" stroke-width="2"/>'
    )
