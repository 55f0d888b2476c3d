"""How much of the first token is left in the last output: RNN, bidirectional RNN and self-attention."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from engine.labs.script_text import fill_in
from engine.model.attention import MultiHeadAttention
from engine.runtime.threads import one_thread

_SCRIPT = Path(__file__).with_name("script.py")

SEEDS = 8
LONGEST = 64
# How the recurrent weight is chosen: as PyTorch does, or that draw scaled to a spectral radius.
RECURRENT: dict[str, float | None] = {"PyTorch's default": None, "0.5": 0.5, "1": 1.0, "1.5": 1.5, "2": 2.0, "3": 3.0}
_LENGTHS = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
_Encode = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Layers:
    """One layer of each kind in float64, with the weights of one seed, and the tokens they read.

    Attributes:
        tokens: (L, d_model), standard normal embeddings.
        rnn: torch.nn.RNN with tanh; its weights are those of the forward half of ``both``.
        both: torch.nn.RNN in both directions.
        attention: the Transformer's self-attention with one head, without positional encoding.
    """

    tokens: Tensor
    rnn: nn.RNN
    both: nn.RNN
    attention: MultiHeadAttention


@dataclass(frozen=True)
class Influence:
    """‖∂ last output / ∂ embedding of the first token‖_F, the Frobenius norm of the whole Jacobian, for each seed.

    Attributes:
        lengths: tokens in the sentence, from the first to the last.
        rnn, both, attention: (seeds, lengths).
        linear: (seeds, lengths), the RNN without tanh: ‖W_hh^(n − 1) · W_ih‖_F.
        radius: (seeds), the spectral radius of W_hh: the largest magnitude of its eigenvalues.
        per_token: for each layer (seeds, L), the influence of every token of the longest sentence: on the last output
            of the RNN and of self-attention, and on the two final states of the bidirectional RNN side by side.
    """

    lengths: tuple[int, ...]
    rnn: Tensor
    both: Tensor
    attention: Tensor
    linear: Tensor
    radius: Tensor
    per_token: dict[str, Tensor]


@dataclass(frozen=True)
class Halves:
    """A bidirectional RNN, and its two halves run by hand.

    Attributes:
        forward, backward: (L, d_model), the states of each half, h_t = tanh(W_ih x_t + b_ih + W_hh h + b_hh) with the
            state before (forward) or after (backward) it, as the documentation of torch.nn.RNN has it.
        output: (L, 2*d_model), what torch.nn.RNN(bidirectional=True) returns.
        equal: whether ``output`` is the two side by side in every bit.
        difference: the largest difference.
    """

    forward: Tensor
    backward: Tensor
    output: Tensor
    equal: bool
    difference: float


def layers(length: int, width: int, recurrent: str, seed: int) -> Layers:
    """One layer of each kind. Every weight and bias is uniform in ±1/√width: PyTorch's rule for RNN and Linear.

    Args:
        length: how many tokens, L.
        width: how many features a token has, and a state.
        recurrent: how the recurrent weight is chosen, a key of ``RECURRENT``.
        seed: of weights and tokens.
    """
    draw = torch.Generator().manual_seed(seed)
    # All that could be asked for are drawn, so that a longer sentence begins with the shorter one.
    tokens = torch.randn(LONGEST, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)[:length]
    both = nn.RNN(width, width, batch_first=True, bidirectional=True, dtype=torch.float64)
    attention = MultiHeadAttention(width, 1, width, width).double()
    for weight in (*both.parameters(), *attention.parameters()):
        nn.init.uniform_(weight, -(width**-0.5), width**-0.5, generator=draw)
    with torch.no_grad():
        for name, weight in both.named_parameters():
            if name.startswith("weight_hh"):
                weight.copy_(scaled(weight, RECURRENT[recurrent]))
    rnn = nn.RNN(width, width, batch_first=True, dtype=torch.float64)
    rnn.load_state_dict({name: both.state_dict()[name] for name in rnn.state_dict()})
    return Layers(tokens, rnn, both, attention)


def scaled(weight: Tensor, radius: float | None) -> Tensor:
    """A square matrix (d, d) times the number that gives it this spectral radius; as it is for None."""
    return weight if radius is None else weight * (radius / spectral_radius(weight))


def spectral_radius(weight: Tensor) -> float:
    """The largest magnitude of a matrix's eigenvalues."""
    return float(torch.linalg.eigvals(weight).abs().max())


@one_thread()
def influence(length: int, width: int, recurrent: str) -> Influence:
    """The first token's influence on the last output for every length up to this one, for ``SEEDS`` seeds.

    Args:
        length: that of the longest sentence.
        width: how many features a token has, and a state.
        recurrent: how the recurrent weight is chosen, a key of ``RECURRENT``.
    """
    lengths = tuple(sorted({*(shorter for shorter in _LENGTHS if shorter < length), length}))
    rows: dict[str, list[list[float]]] = {"rnn": [], "both": [], "attention": [], "linear": []}
    per_token: dict[str, list[Tensor]] = {"rnn": [], "both": [], "attention": []}
    radius = []
    for seed in range(SEEDS):
        networks = layers(length, width, recurrent, seed)
        last = _outputs(networks, [-1])
        reached = {name: [reach(encode, networks.tokens[:n]) for n in lengths] for name, [encode] in last.items()}
        for name, by_token in reached.items():
            rows[name].append([float(tokens[0]) for tokens in by_token])
        rows["linear"].append(_linear(networks.rnn, lengths))
        per_token["rnn"].append(reached["rnn"][-1])
        per_token["both"].append(reach(_final_states(networks), networks.tokens))
        per_token["attention"].append(reached["attention"][-1])
        radius.append(spectral_radius(networks.rnn.state_dict()["weight_hh_l0"]))
    tables = {name: torch.tensor(values, dtype=torch.float64) for name, values in rows.items()}
    stacked = {name: torch.stack(values) for name, values in per_token.items()}
    return Influence(lengths, **tables, radius=torch.tensor(radius), per_token=stacked)


def reach(encode: _Encode, tokens: Tensor) -> Tensor:
    """‖∂ encode(tokens) / ∂ token‖_F for every token of ``tokens`` (L, d_model): (L).

    The sentence is repeated once for each number of the output, and repetition i asks for the gradient of number i:
    all rows of the Jacobian in one backward pass.
    """
    width = encode(tokens.unsqueeze(0)).size(1)
    repeated = tokens.expand(width, *tokens.shape).clone().requires_grad_()
    (jacobian,) = torch.autograd.grad(encode(repeated).diagonal().sum(), repeated)
    return jacobian.norm(dim=(0, 2))


@one_thread()
def maps(length: int, width: int, recurrent: str, seed: int = 0) -> dict[str, Tensor]:
    """For each layer (L, L_k): the influence of token k on output l, as ``reach`` measures it, as a share of the
    influence of all tokens on that output.

    Args:
        length, width, recurrent, seed: of ``layers``.
    """
    networks = layers(length, width, recurrent, seed)
    return {
        name: torch.stack(
            [by_token / by_token.sum() for by_token in (reach(encode, networks.tokens) for encode in outputs)]
        )
        for name, outputs in _outputs(networks, range(length)).items()
    }


@one_thread()
def halves(length: int, width: int, recurrent: str, seed: int = 0) -> Halves:
    """The bidirectional RNN beside two RNNs run by hand, a token at a time.

    Args:
        length, width, recurrent, seed: of ``layers``.
    """
    networks = layers(length, width, recurrent, seed)
    with torch.no_grad():
        output = networks.both(networks.tokens.unsqueeze(0))[0][0]
        forward = _by_hand(networks.both, networks.tokens, "")
        backward = _by_hand(networks.both, networks.tokens.flip(0), "_reverse").flip(0)
    by_hand = torch.cat([forward, backward], dim=1)
    difference = (output - by_hand).abs().max().item()
    return Halves(forward, backward, output, torch.equal(output, by_hand), difference)


def mean(values: Tensor) -> list[float]:
    """The geometric mean over the seeds: of (seeds, n), n numbers. It is a mean of magnitudes on a log scale."""
    return values.log().mean(dim=0).exp().tolist()


def code(length: int, width: int, recurrent: str) -> str:
    """The influence of the first token, over all seeds, as a script with the same draws.

    Args:
        length, width, recurrent: of ``influence``.
    """
    return fill_in(_SCRIPT, n=length, d=width, radius=RECURRENT[recurrent], seeds=SEEDS, longest=LONGEST)


def _outputs(networks: Layers, output_indices: Iterable[int]) -> dict[str, list[_Encode]]:
    """Each layer as functions of (repeats, L, d_model), one for the output at each of these places."""
    whole: dict[str, _Encode] = {
        "rnn": lambda x: cast(Tensor, networks.rnn(x)[0]),
        "both": lambda x: cast(Tensor, networks.both(x)[0]),
        "attention": lambda x: cast(Tensor, networks.attention(x, x)),
    }
    return {name: [_at(encode, index) for index in output_indices] for name, encode in whole.items()}


def _at(encode: _Encode, index: int) -> _Encode:
    return lambda x: encode(x)[:, index]


def _final_states(networks: Layers) -> _Encode:
    """h_n of the bidirectional RNN, (repeats, 2*d_model): the forward half's at the last token, the backward half's at
    the first."""
    return lambda x: cast(Tensor, networks.both(x)[1].transpose(0, 1).flatten(1))


def _linear(rnn: nn.RNN, lengths: tuple[int, ...]) -> list[float]:
    with torch.no_grad():
        powers = (torch.linalg.matrix_power(rnn.weight_hh_l0, n - 1) for n in lengths)
        return [float((power @ rnn.weight_ih_l0).norm()) for power in powers]


def _by_hand(rnn: nn.RNN, tokens: Tensor, suffix: str) -> Tensor:
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    w_ih, w_hh, b_ih, b_hh = (getattr(rnn, name + suffix) for name in names)
    state = tokens.new_zeros(rnn.hidden_size)
    states = []
    for token in tokens:
        state = torch.tanh(w_ih @ token + b_ih + w_hh @ state + b_hh)
        states.append(state)
    return torch.stack(states)
