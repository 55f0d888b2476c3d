"""The labs: what each asks, in the words of those who ask it, and how they are grouped."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from types import ModuleType


@dataclass(frozen=True)
class Lab:
    """One lab.

    Attributes:
        key: the lab in the address, and the module that draws it.
        group: the heading under which it is listed.
        question: the question it answers.
        summary: what can be seen in it, in a line.
        questions: how many predictions it asks for, None where that depends on its sliders.
        sections: the sections that a link can open (``section=after``), from the top of the page down.
    """

    key: str
    group: str
    question: str
    summary: str
    questions: int | None = None
    sections: tuple[str, ...] = ()

    def module(self) -> ModuleType:
        """The module whose ``draw()`` draws the lab; imported when the lab is opened: the others cost no time."""
        return import_module(f"pages.ui.labs.{self.key}")


_SHAPES, _HEADS, _ORDER, _MEANING = "Shapes and memory", "Inside attention", "Many words", "What it learned"

LABS = (
    Lab(
        "view_or_permute",
        _SHAPES,
        "Why permute? Why not `.view()` straight to (B, H, L, d_k)?",
        "Both routes side by side, every cell in the colour of where it came from.",
        questions=2,
        sections=("routes", "weights", "product"),
    ),
    Lab(
        "memory_layout",
        _SHAPES,
        "What do transpose, permute and contiguous do to memory?",
        "Strides before and after, and the storage in the order in which it is read.",
        questions=3,
        sections=("moved", "merges", "contiguous"),
    ),
    Lab(
        "sizes_that_agree",
        _SHAPES,
        "Which sizes must agree?",
        "Break each rule, and read PyTorch's error beside plain words.",
        sections=("products", "after", "accidents"),
    ),
    Lab(
        "notebook",
        _SHAPES,
        "The exercise, replayed: which shape does every line print?",
        "From embedding to W_O line by line, with the classic sizes and then with yours.",
    ),
    Lab(
        "bugs",
        _SHAPES,
        "It runs, and the result is wrong. Where is the bug?",
        "Ten real mistakes: the symptom, the first step that differs, the fix.",
    ),
    Lab(
        "why_split",
        _HEADS,
        "If heads never interact, why split?",
        "What each head gives to the output, what is lost without it, and one wide head instead.",
        questions=4,
        sections=("sum", "patterns", "trained"),
    ),
    Lab(
        "masking",
        _HEADS,
        "What does masked_fill do, and why −∞?",
        "Padding and causal masks on the scores, the future changed, a row with nothing left to look at.",
        questions=7,
        sections=("broadcast", "filler", "after", "future", "rows"),
    ),
    Lab(
        "scaling",
        _HEADS,
        "Why divide by √d_k?",
        "The spread of q·k and what softmax makes of it, with and without the division.",
        questions=4,
        sections=("spread", "rows", "gradient", "trained"),
    ),
    Lab(
        "key_heads",
        _HEADS,
        "Why fewer key heads?",
        "Heads of queries that share keys and values, what that leaves alone and what it saves.",
    ),
    Lab(
        "long_range",
        _ORDER,
        "How far back can it remember?",
        "The first token's influence on the last: RNN, bidirectional RNN and self-attention.",
        questions=3,
        sections=("paths", "curves", "bidirectional", "map", "costs"),
    ),
    Lab(
        "all_at_once",
        _ORDER,
        "How are n words encoded at once?",
        "One batched pass against one token at a time, in numbers and in time.",
        questions=3,
        sections=("rows", "attention", "changes", "times"),
    ),
    Lab(
        "word_order",
        _ORDER,
        "Does the order of the words matter?",
        "Shuffled tokens with and without positional encoding, and what the encoding looks like.",
        questions=7,
        sections=("waves",),
    ),
    Lab(
        "rotary",
        _ORDER,
        "RoPE: what turns?",
        "A query and a key turned pair by pair, moved on together and apart.",
    ),
    Lab(
        "kv_cache",
        _ORDER,
        "What does a cache keep?",
        "A text read at once and token by token, the keys and values that stay, and what they save.",
    ),
    Lab(
        "encoder_to_decoder",
        _MEANING,
        "What passes from the encoder to the decoder?",
        "Keys and values from the memory, queries from the decoder; and what a K/V cache saves.",
        questions=4,
        sections=("three", "cross", "memory", "cache"),
    ),
    Lab(
        "explanation",
        _MEANING,
        "Is attention an explanation?",
        "Weights shuffled and replaced in the trained model, and how far its answer moves.",
        sections=("exchange", "search", "baseline"),
    ),
    Lab(
        "shifted_loss",
        _MEANING,
        "Where is the loss?",
        "Logits t beside label t + 1, cross-entropy term by term, padding left out, the shift done twice.",
    ),
    Lab(
        "image_as_sentence",
        _MEANING,
        "Can an image be a sentence?",
        "Patches as tokens, through the same encoder; attention drawn on the image.",
        questions=7,
        sections=("cut", "sentence", "order", "attention", "cost"),
    ),
)

GROUPS = tuple(dict.fromkeys(lab.group for lab in LABS))


def lab_of(key: str) -> Lab | None:
    """The lab of an address, if there is one."""
    return next((lab for lab in LABS if lab.key == key), None)
