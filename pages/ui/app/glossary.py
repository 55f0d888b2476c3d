"""The words of the field in a line each, one press away on every page. Nothing here imports torch."""

from __future__ import annotations

import html

from pages.ui.app.palette import ROLE, axis_tone

# The axes that learners meet, with the meaning of engine.axes in fewer words.
AXES = (
    ("B", "batch: which sentence"),
    ("S", "source length: which token the encoder reads"),
    ("T", "target length: which token the decoder reads"),
    ("L, L_k", "length: which token asks, and which one is asked"),
    ("H", "heads: which attention head"),
    ("d_model", "model width: which feature of a token"),
    ("d_k", "width of a query or key inside one head"),
    ("d_v", "width of a value inside one head"),
    ("d_ff", "hidden width of the feed-forward network"),
    ("V", "vocabulary: which token it could be"),
)
TERMS = (
    ("query", "what a token asks for: its row times W_Q"),
    ("key", "what a token can be found by: its row times W_K"),
    ("value", "what a token gives when it is looked at: its row times W_V"),
    ("scores", "every query times every key: how well they fit"),
    ("mask", "which keys a query must not see; their scores become −∞"),
    ("softmax", "turns a row of scores into weights that sum to 1"),
    ("weights", "how much of each value a query takes"),
    ("head", "one attention of its own, on a part of the features"),
    ("W_O", "the matrix that adds the heads' results up"),
    ("memory", "the encoder's output, which the decoder asks"),
)
_STYLE = """<style>
.glossary { font-size: 0.85rem; border-collapse: collapse; }
.glossary th { text-align: left; padding: 0.15rem 0.9rem 0.15rem 0; font-weight: 600; white-space: nowrap;
  vertical-align: top; font-family: var(--st-code-font, monospace); }
.glossary td { padding: 0.15rem 0; }
.glossary tbody + tbody tr:first-child > * { padding-top: 0.7rem; }
</style>"""


def glossary_html(dark: bool) -> str:
    """The glossary as a table: first the axes, then the words.

    Args:
        dark: whether it lies on a dark page. A popover lies outside of what has the page's colour scheme.
    """
    axes = "".join(_row(symbol, meaning, axis_tone(symbol.split(",")[0]).on(dark)) for symbol, meaning in AXES)
    terms = "".join(_row(term, meaning, ROLE[term].on(dark) if term in ROLE else "") for term, meaning in TERMS)
    return f'{_STYLE}<table class="glossary"><tbody>{axes}</tbody><tbody>{terms}</tbody></table>'


def _row(word: str, meaning: str, colour: str) -> str:
    style = f' style="color: {colour}"' if colour else ""
    return f'<tr><th scope="row"{style}>{html.escape(word)}</th><td>{html.escape(meaning)}</td></tr>'
