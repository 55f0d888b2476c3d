"""What the script of every lab prints, line by line, and where the lab's page shows the same, for the tests."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow
from streamlit.testing.v1 import AppTest

from pages.ui.labs.kit.sample_words import words

_SHAPE = r"(\([\d, ]+\))"


def _plain_spaces(text: str) -> str:
    """The text with a space for each that does not break, as stands before a per cent sign."""
    return text.replace("\u00a0", " ")


class Page:
    """A lab's page, everything on it revealed."""

    def __init__(self, app: AppTest) -> None:
        self.app = app
        questions = [radio.label for radio in app.radio]
        shown = [*questions, *(element.value for element in (*app.markdown, *app.caption))]
        self.text = _plain_spaces("\n".join(shown))
        self.errors = [block.value for block in app.code if not block.language or block.language == "plaintext"]

    def says(self, pattern: str) -> tuple[str, ...]:
        """What stands in the groups of a sentence of the page."""
        match = re.search(pattern, self.text)
        assert match, f"the page has no sentence like {pattern!r}"
        return match.groups()

    def answer(self, name: str) -> str:
        """The computed answer to a question."""
        questions = [radio.key.partition("predict.")[2] for radio in self.app.radio]
        return dict(zip(questions, re.findall(r"\*\*Computed: (.*)\.\*\*", self.text), strict=True))[name]

    def component(self, key: str) -> dict[str, Any]:
        """What a component that is sent JSON shows."""
        [proto] = [one.proto for one in self.app.get("bidi_component") if one.proto.id.endswith(f"-{key}")]
        content: dict[str, Any] = json.loads(proto.json)
        return content

    def chips(self, name: str) -> str:
        """The shape of an operand that is drawn as chips."""
        operands = [part for one in self.app.get("html") for part in one.proto.body.split('class="operand"')[1:]]
        operand = next(part for part in operands if f'class="name">{name}<' in part)
        return _shape(re.findall(r"<b>(\d+)</b>", operand))

    def curve(self, name: str, x: float) -> str:
        """The height of a curve in a chart."""
        for chart in self.app.get("vega_lite_chart"):
            for dataset in chart.proto.datasets:
                rows = pyarrow.ipc.open_stream(dataset.data.data).read_all().to_pylist()
                for row in rows:
                    if (row.get("curve"), row["x"]) == (name, x):
                        return repr(row["y"])
        raise AssertionError(f"no chart has a curve {name!r} at {x}")


@dataclass(frozen=True)
class Line:
    """A line that a script prints.

    Attributes:
        printed: a pattern of the whole line.
        shown: what the page shows for each group of it; None for a line of which the script's first line says that it
            is another on the page.
        rounding: whether the number is nothing but rounding, which another order of a sum makes another; it then has to
            be as small on the page.
    """

    printed: str
    shown: Callable[[Page, re.Match[str]], Sequence[str]] | None
    rounding: bool = False


def says(pattern: str) -> Callable[[Page, re.Match[str]], Sequence[str]]:
    """The page shows them in a sentence like this."""
    return lambda page, _: page.says(pattern)


def _shape(sizes: Sequence[object]) -> str:
    return f"({', '.join(map(str, sizes))}{',' if len(sizes) == 1 else ''})"


def _error(page: Page, _: re.Match[str]) -> Sequence[str]:
    return page.errors[:1]


def _owners(page: Page, _: re.Match[str]) -> Sequence[str]:
    [row] = page.says(r"row (\d+) of head 0 should be")
    [owners] = page.says(r"Its features belong to: (.*)\.")
    return row, str([words(24).index(word) for word in re.findall("`(.*?)`", owners)])


def _looked_at(page: Page, _: re.Match[str]) -> Sequence[str]:
    [looks] = page.says(r"looks most of all: (.*); the wide head")
    return (str([words(24).index(word) for word in re.findall("at `(.*?)`", looks)]),)


def _looked_at_by_one(page: Page, _: re.Match[str]) -> Sequence[str]:
    [word] = page.says(r"the wide head at `(.*?)`\.")
    return (f"[{words(24).index(word)}]",)


def _copy(page: Page, _: re.Match[str]) -> Sequence[str]:
    if "So `contiguous` returned the tensor itself" in page.text:
        return ("no copy",)
    [size] = page.says(r"The copy costs (\d[\d.]* \w+),")
    amount, unit = size.split()
    return (f"a copy of {int(float(amount) * {'B': 1, 'KiB': 1024}[unit])} bytes",)


def _sharing(page: Page, _: re.Match[str]) -> Sequence[str]:
    answer = page.answer("sharing")
    return str("`query`" in answer or "both" in answer), str("`copied`" in answer or "both" in answer)


def _merged(page: Page, _: re.Match[str]) -> Sequence[str]:
    """The merge of all three axes."""
    size, deed = page.says(r"\*\*\w+, \w+ and \w+\*\*: `\w+\.view\((\d+)\)`(?:\n:.*)+\n`view` (works|raises)")
    return page.errors[:1] if deed == "raises" else (f"({size},)",)


def _line_table(page: Page, printed: re.Match[str]) -> Sequence[str]:
    """The shape that this line, the so-manieth of its name, has in the table of lines."""
    rows = [row["cells"] for row in page.component("labs.notebook.lines")["rows"]]
    shapes = [
        _shape([size for _, size, *_ in cells[1]["shape"]])
        for cells in rows
        if re.match(rf"\s*\d+ {printed[1]} = ", cells[0]["code"]) and "shape" in cells[1]
    ]
    assert printed[2] in shapes, f"{printed[0]}, but the table has {shapes}"
    return printed[1], printed[2]


def _last_line(page: Page, _: re.Match[str]) -> Sequence[str]:
    """The error that stands under the line that raised it."""
    slider = page.app.main.slider(key="labs.notebook.line")
    return Page(slider.set_value(int(slider.max)).run()).errors[:1]


def _padding(page: Page, _: re.Match[str]) -> Sequence[str]:
    return page.says(r"it gets (.*?) % of their attention") if "has no mask" in page.text else ("0",)


def _outputs(page: Page, _: re.Match[str]) -> Sequence[str]:
    """How the two runs ended; what became of other sizes stands further down."""
    ends = r"outputs differ by up to (\S+)\.|output's \S+ numbers (\S+) are NaN|two outputs are (equal)"
    apart, missing, _equal = page.says(ends)
    return (apart or ("NaN" if missing else "0"),)


def _other_sizes(page: Page, printed: re.Match[str]) -> Sequence[str]:
    """What the table says of other sizes."""
    [table] = [element.value for element in page.app.table]
    [row] = [row for row in table.to_dict("records") if row["sizes"] == printed[1]]
    return printed[1], "raises" if row["what happens"] == "it raises an error" else row["largest difference"]


def _moved_rows(page: Page, _: re.Match[str]) -> Sequence[str]:
    first, *last = map(int, re.findall(r"\d+", page.answer("rows")))
    return (str(list(range(first, (last or [first])[0] + 1))),)


def _nan_rows(page: Page, printed: re.Match[str]) -> Sequence[str]:
    return printed[1], *page.says(rf"\b(\d+) after layer {printed[1]}"), *page.says(r"NaN in \d+ of (\d+) rows")


def _spread(page: Page, printed: re.Match[str]) -> Sequence[str]:
    small, large = page.says(r"d_k grows 16-fold, from (\S+) to (\S+)\. ")
    deviations = page.says(r"pairs each it is (\S+) and (\S+): ")
    variances = page.says(r"The variances are (\S+) and (\S+)\.\n")
    place = (small, large.replace(",", "")).index(printed[1])
    return (small, large)[place], variances[place], deviations[place]


def _measures(page: Page, printed: re.Match[str]) -> Sequence[str]:
    column = ("without", "with").index(printed[1])
    largest, entropy = (
        page.says(rf"\| {name} \| (\S+) \| (\S+) \|")[column]
        for name in ("Largest weight, mean", "Entropy in bits, mean")
    )
    return printed[1], largest, entropy


def _slopes(page: Page, printed: re.Match[str]) -> Sequence[str]:
    column = ("without", "with").index(printed[1])
    gradients = page.says(r"Computed: .*\*\* (\S+) against (\S+): ")
    weights = page.says(r"Not divided, p = (\S+) and .*the same weight is (\S+) and its slope")
    slopes = page.says(r"p\(1 − p\) = \*\*(\S+)\*\*\. .* its slope \*\*(\S+)\*\*\. Near")
    return printed[1], gradients[column], weights[column], slopes[column]


def _half_the_patch(page: Page, printed: re.Match[str]) -> Sequence[str]:
    half, whole = page.says(r"patches half as wide, (\d+) pixels for (\d+),")
    tokens, more_tokens, weights, more = page.says(r"S grows from (\S+) to (\S+), and S × S from (\S+) to (\S+): ")
    return (half, more_tokens, more) if printed[1] == half else (whole, tokens, weights)


def _position(page: Page, column: str) -> str:
    """A cell of the table by position, in the row of the position that is chosen."""
    [position] = page.says(r"at position (\d+) it writes")
    [table] = [frame.value for frame in page.app.dataframe if "position" in frame.value.columns]
    return _plain_spaces(str(table[column].iloc[int(position)]))


def _likeliest(page: Page, printed: re.Match[str]) -> Sequence[str]:
    share = _position(page, "same")
    return (share.removesuffix(" %"), "100")


LINES: dict[str, tuple[Line, ...]] = {
    "view_or_permute": (
        Line(r"shapes (\(.*\)) and \1", says(rf"Both routes give the shape {_SHAPE}")),
        Line(r"(\d+) of (\d+) numbers in the same place", says(r"(\S+) of (\S+) numbers stand in the same place")),
        Line(r"row (\d+) of head 0 is made of tokens (.*)", _owners),
        Line(
            r"after merging the heads the outputs differ by up to (\S+)",
            lambda page, _: (
                ("0",)
                if "both routes are the same, and so are the outputs" in page.text
                else page.says(r"After merging the heads the two outputs differ by up to (\S+)\.\n")
            ),
        ),
        Line(
            r"scores (\(.*\)) at once and head by hand the same: (\w+)",
            says(rf"The scores {_SHAPE} at once and head by hand: `torch.equal` says (\w+)\."),
        ),
    ),
    "memory_layout": (
        Line(
            r"strides (\(.*\)) -> (\(.*\))",
            lambda page, _: (*page.says(rf"its strides are {_SHAPE}"), page.answer("strides")),
        ),
        Line(
            r"the same memory: (\w+)",
            lambda page, _: (str(len(set(page.says(r"data_ptr\(\) \| (\w+) \|(?: (\w+) \|)?")) - {None}) == 1),),
        ),
        Line(r"read in the order (.*)", lambda page, _: (str(page.component("labs.memory_layout.ribbon")["reading"]),)),
        Line(r"view: (.*)", _merged),
        Line(r"contiguous: (.*)", _copy),
        Line(r"read in query: (\w+) in copied: (\w+)", _sharing),
    ),
    "sizes_that_agree": (
        Line(r"(scores|mixed|output|summed) (\(.*\))", lambda page, printed: (printed[1], page.chips(printed[1]))),
        Line(r"((?:Expected size|mat1|The size|The expanded size).*)", _error),
    ),
    "notebook": (
        Line(r"lengths \[(.*)\]", says(r"The sentences have (.*) tokens")),
        Line(r"(\w+) (\([\d, ]+\))", _line_table),
        Line(r"attention that goes to padding (\S+)%", _padding),
        Line(r"(shape .* is invalid for input of size \d+)", _last_line),
    ),
    "bugs": (
        Line(r"largest difference (\S+)", _outputs),
        Line(r"([\w, ]+): (raises|\S+)", _other_sizes),
        Line(r"((?!largest difference).*)", _error),
    ),
    "why_split": (
        Line(r"\d+ heads look most at word (\[.*\])", _looked_at),
        Line(r"1 wide head looks most at word (\[.*\])", _looked_at_by_one),
        Line(r"sum of the heads.* by (\S+)", says(r"the largest difference is (\S+)\. What one"), rounding=True),
        Line(
            r"without head (\d+) the output moves by up to (\S+)",
            says(r"Set the block of head (\d+)[\s\S]*?It moves by up to (\S+)\. "),
        ),
        Line(r"that is what the head gave, to within (\S+)", says(r", to within (\S+)\. "), rounding=True),
        Line(r"a loop over the heads: differs by (\S+)", says(r"difference of the outputs is (\S+), "), rounding=True),
        Line(r"one wide head: differs by (\S+)", says(r"The outputs differ by up to (\S+)\.\n")),
    ),
    "masking": (
        Line(
            r"a mask (\(.*\)) hides (\d+) of (\d+) scores",
            lambda page, _: (
                *page.says(rf"The mask has the shape {_SHAPE}"),
                page.answer("hidden"),
                *page.says(r"How many of the (\d+) scores"),
            ),
        ),
        Line(r"largest weight of a hidden key: (\S+)", says(r"The largest of \d+ is (\S+)\.\n")),
        Line(r"rows that a changed token moves: (.*)", _moved_rows),
        Line(r"rows with NaN after layer (\d) are (\d+) of (\d+)", _nan_rows),
        Line(r"sum of the row multiplied by 0: (\S+)", says(r"\*\* To (\S+): the hidden keys")),
        Line(r"divided by it.* by (\S+)", says(r"−∞ before softmax by at most (\S+)\.\n"), rounding=True),
        Line(r"-inf lets .* by (\S+)", says(r"The largest change is (\S+) with −∞")),
        Line(r"multiplied lets .* by (\S+)", says(r"with −∞, (\S+) multiplied")),
        Line(r"renormalised lets .* by (\S+)", says(r"multiplied, (\S+) renormalised"), rounding=True),
    ),
    "scaling": (
        Line(r"d_k = (\d+): variance (\S+), standard deviation (\S+)", _spread),
        Line(r"(with|without): largest weight (\S+), entropy (\S+) bits", _measures),
        Line(r"(with|without): gradient (\S+), p = (\S+), p\(1 - p\) = (\S+)", _slopes),
    ),
    "long_range": (
        Line(r"(?:recurrent|bidirectional) (\S+) for 2 words", says(r"\*\* (\S+) for 2 words, \S+ for")),
        Line(r"recurrent (\S+) for \d+ words", says(r" for 2 words, (\S+) for \d+: ")),
        Line(r"bidirectional (\S+) for \d+ words", says(r"\*\* (\S+) for \d+ words, against")),
        Line(r"attention (\S+) for 2 words", says(r"In self-attention (\S+) and ")),
        Line(r"attention (\S+) for \d+ words", says(r"In self-attention \S+ and (\S+): ")),
        Line(r"RNN (\d+)", says(r"\| FLOPs \| (\S+) \|")),
        Line(r"RNN both ways (\d+)", says(r"\| FLOPs \| \S+ \| (\S+) \|")),
        Line(r"attention between tokens (\d+)", says(r"\| FLOPs \| \S+ \| \S+ \| (\S+) \|")),
        Line(r"attention with its projections (\d+)", says(r"W_V, W_O \| – \| – \| (\S+) \|")),
    ),
    "all_at_once": (
        Line(r"feed-forward, .* by (\S+)", says(r"The largest difference is (\S+) in float32"), rounding=True),
        Line(r"layer, each word alone: differs by (\S+)", says(r"Alone, a word differs by up to (\S+)\. ")),
        Line(r"layer, keys and values .* by (\S+)", says(r"handed in, by up to (\S+)\.\n"), rounding=True),
        Line(r"(?:at_once|one_at_a_time) \S+ ms", None),
    ),
    "word_order": (
        Line(r"without encoding: .* by (\S+)", says(r"new ones by at most (\S+) in float32"), rounding=True),
        Line(r"with encoding: .* by (\S+)", says(r"The largest difference is (\S+)\. \d+ of \d+ words")),
        Line(
            r"product at distance (\d+) is (\S+)",
            lambda page, printed: (printed[1], page.curve("mean of the diagonal", int(printed[1]))),
        ),
        Line(
            r"pair (\d+): ω = (\S+), repeats after (\S+)",
            lambda page, _: page.says(r"ω_(\d+) = (\S+), so they repeat after .* = (\S+) positions"),
        ),
        Line(r"moved (\d+) on by .* by (\S+)", says(r"ω_i · (\d+)\. .*by at most (\S+)\.\n"), rounding=True),
    ),
    "rotary": (
        Line(r"score (\S+)", says(r"It was (\S+) and is")),
        Line(
            r"both moved on by (\d+): (\S+)", says(r"Both words move (\d+) places(?s:.*)It was \S+ and is (\S+)\. With")
        ),
        Line(r"the key alone: (\S+)", says(r"alone moved on it is (\S+)\. ")),
        Line(r"length (\S+) and turned (\S+)", says(r"as long as before, (\S+) and (\S+): ")),
        Line(r"the slowest pair in 1000 places: (\S+) turns", says(r"By (\S+) turns\. ")),
    ),
    "key_heads": (
        Line(
            r"kept (\(.*?\)) and beside the queries (\(.*?\))",
            says(rf"What is kept: {_SHAPE}(?s:.*)Beside the queries: {_SHAPE}"),
        ),
        Line(r"broadcast .* by (\S+)", says(r"the output differs by (\S+)\.\n"), rounding=True),
        Line(r"numbers in the cache (\d+) instead of (\d+)", says(r"(\S+) numbers instead of (\S+): ")),
        Line(
            r"parameters of W_K and W_V (\d+) instead of (\d+)", says(r"W_V have (\S+) parameters instead of (\S+)\.\n")
        ),
        Line(r"output moved by (\S+) of its length", says(r"random numbers by (\S+) of its length")),
    ),
    "kv_cache": (
        Line(
            r"keys in the cache (\(.*?\)) values (\(.*?\))",
            lambda page, _: 2 * page.says(rf"in the end keys are {_SHAPE}"),
        ),
        Line(r"bytes of the cache (\d+)", says(r"values too: (\S+) bytes")),
        Line(
            r"largest difference from all at once (\S+)", says(r"The outputs differ by (\S+): rounding"), rounding=True
        ),
        Line(
            r"rows projected (\d+) with a cache and (\d+) without",
            says(r"meet (\S+) rows; without a cache they meet (\S+)\. "),
        ),
    ),
    "shifted_loss": (
        Line(
            r"position (\d+): token (\d+) then (\d+), term (\S+)",
            lambda page, printed: page.says(rf"\| ({printed[1]}) \| (\d+) \| (\d+) \| \S+ \| (\S+) \|"),
        ),
        Line(r"positions that count (\d+) of (\d+)", says(r"Positions that count: (\d+) of (\d+)")),
        Line(r"loss (\S+)", says(r"The mean of the terms is (\S+), and")),
        Line(r"padding counted (\S+)", says(r"padding counted as a label \| (\S+) \|")),
        Line(r"not shifted (\S+)", says(r"not shifted: logits t to token t \| (\S+) \|")),
        Line(r"shifted twice (\S+)", says(r"shifted twice: .* \| (\S+) \|")),
    ),
    "encoder_to_decoder": (
        Line(
            r"weights (\(.*?\)) (\(.*?\)) (\(.*?\))",
            says(
                "(?s:.*)".join(
                    rf"`attend\({call}\)`  \nweights {_SHAPE}" for call in ("x, x", "y, y, causal", "y, memory")
                )
            ),
        ),
        Line(
            r"cross-attention (\(.*?\)) (\(.*?\)) (\(.*?\))",
            says("".join(rf"\| {name} \| .* \| {_SHAPE} \|\s" for name in "QKV")),
        ),
        Line(r"scores (\(.*\))", says(rf"\| weights \| .* \| {_SHAPE} \|")),
        Line(r"last step (\(.*?\)) (\(.*?\))", says(rf"layer \d+: query {_SHAPE}, .* keys kept {_SHAPE}, that is")),
        Line(r"largest difference \S+", None),
    ),
    "explanation": (
        Line(r"weights moved, median (\S+)", lambda page, _: (_position(page, "weights moved"),)),
        Line(r"output moved, median (\S+)", lambda page, _: (_position(page, "output moved"),)),
        Line(r"likeliest character kept in (\d+) of (\d+)", _likeliest),
    ),
    "image_as_sentence": (
        Line(
            r"the largest weight is (\S+) %, (\S+) times the even share",
            says(r"It is (\S+) %, (\S+) times the even share"),
        ),
        Line(r"patches of (\d+) pixels: S = (\d+), S × S = (\d+) weights in a head", _half_the_patch),
        Line(
            r"patches (\(.*\)) equal to rearrange: (\w+)",
            lambda page, _: (
                *page.says(rf"becomes \(B, N, C·p·p\) = {_SHAPE}"),
                str("give the same numbers, to the last bit" in page.text),
            ),
        ),
        Line(
            r"a straight view has (\d+) of (\d+) numbers where they belong",
            lambda page, _: tuple(reversed(page.says(r"Of all (\S+) numbers of the image (\S+) stand where"))),
        ),
        Line(r"a convolution .* by (\S+)", says(r"The largest difference is (\S+)\."), rounding=True),
        Line(r"without position .* by (\S+)", says(r"float32 and (\S+?)(?: in float64)"), rounding=True),
        Line(r"with position .* by (\S+)", says(r"(?s:float32 and .*)float32 and (\S+) in float64"), rounding=True),
    ),
}
