"""Sequences of several lengths packed token by token, and padded again (``torch.nn.utils.rnn``)."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.ops.access import AccessMap, AffineMap, AllIndices, AxisAccess, SameIndex
from engine.ops.call import Call
from engine.ops.element_context import Derivation, ElementContext
from engine.ops.entries.rearranging import moved
from engine.ops.entries.selecting import Selected
from engine.ops.formula import Cells
from engine.ops.index_access import ChosenIndex, IndexTable, MaskIs
from engine.ops.notation import number
from engine.ops.registry import Reads, operation
from engine.ops.terms import TermGroup

_LONGER = "is how many of {numbers}, are larger than {position}: {count}"
_PADDING = "is the padding {value}: this sequence is shorter"


class Repacked(Selected):
    """The tokens in another order, and as a second output how many there are of each."""

    def formula(self, cells: Cells) -> str:
        if cells.call.step.output == 1:
            return f"how many of {cells.at('index')} are larger than {cells.out(0)}"
        return cells.at("input")

    def derive(self, at: ElementContext) -> Derivation:
        if at.call.step.output == 0:
            return moved(at, "input")
        row, position = at.operand("index"), at.index[0]
        larger = (row.numbers > position).long()
        sentence = _LONGER.format(numbers=at.numbers("index"), position=position, count=int(larger.sum()))
        return Derivation((TermGroup("x", (row,), larger),), larger.sum(), sentence, magnitude=0.0)

    def counts(self, call: Call) -> Tensor:
        """How long each sequence is, or how many sequences have each token."""
        counts: Tensor = call.args["index"].value.detach().cpu()
        return counts

    def read_counts(self, call: Call) -> AccessMap:
        """All of them say where a token goes."""
        return AffineMap(call.shape("index"), (AllIndices(),))


@operation("_pack_padded_sequence", "input index batch_first?")
class PackPadded(Repacked):
    """The first token of every sequence, then the second of those that have one, and so on."""

    def reads(self, call: Call) -> Reads:
        lengths = self.counts(call)
        if call.step.output == 1:
            return {"index": self.read_counts(call)}
        rows = [(token, row) for token in range(int(lengths.max())) for row in range(int((lengths > token).sum()))]
        positions = torch.tensor(rows)
        tokens, sequences = (ChosenIndex(IndexTable(None, "", positions[:, axis]), (0,)) for axis in range(2))
        first: list[AxisAccess] = [sequences, tokens] if call.value("batch_first", False) else [tokens, sequences]
        shape = call.shape("input")
        rest = (SameIndex(axis - 1) for axis in range(2, len(shape)))
        return {"input": AffineMap(shape, (*first, *rest)), "index": self.read_counts(call)}


@operation("_pad_packed_sequence", "input index batch_first? value? total_length?")
class PadPacked(Repacked):
    """Every sequence in a row of its own again, and padding behind the shorter ones."""

    def reads(self, call: Call) -> Reads:
        if call.step.output == 1:
            return {"index": self.read_counts(call)}
        counts, out = self.counts(call), call.step.shape
        token_axis = 1 if call.value("batch_first", False) else 0
        tokens, sequences = out[token_axis], out[1 - token_axis]
        # With total_length there are more tokens than any sequence has.
        counts = torch.cat((counts, counts.new_zeros(tokens - len(counts))))
        column = torch.arange(sequences)
        is_token = column < counts.unsqueeze(1)
        row = torch.where(is_token, (counts.cumsum(0) - counts).unsqueeze(1) + column, 0)
        at = (token_axis, 1 - token_axis)
        chosen: AxisAccess = ChosenIndex(IndexTable(None, "", row), at)
        shape = call.shape("input")
        rest = (SameIndex(axis + 1) for axis in range(1, len(shape)))
        when = MaskIs(IndexTable(None, "", is_token), at, True)
        return {"input": AffineMap(shape, (chosen, *rest), when), "index": self.read_counts(call)}

    def formula(self, cells: Cells) -> str:
        if cells.call.step.output == 1 or cells.index is None:
            return super().formula(cells)
        is_read = cells.reads["input"].ranges(cells.index) is not None
        return super().formula(cells) if is_read else number(self._padding(cells.call))

    def derive(self, at: ElementContext) -> Derivation:
        if at.call.step.output == 1 or at.is_read("input"):
            return super().derive(at)
        value = self._padding(at.call)
        sentence = _PADDING.format(value=number(value))
        return Derivation((), torch.tensor(value, dtype=at.call.step.dtype), sentence, magnitude=0.0)

    def _padding(self, call: Call) -> float:
        return float(call.value("value", 0.0))
