"""The feed-forward parts that the 2017 model does not have."""

from torch import Tensor, nn


class TanhGeluFeedForward(nn.Module):
    """GPT-2's: two layers with the tanh approximation of GELU between them (Hendrycks and Gimpel 2016, section 2).

    ``x`` is (B, L, d_model); returns the same shape.
    """

    def __init__(self, d_model: int, d_ff: int) -> None:
        super().__init__()
        self.w_1 = nn.Linear(d_model, d_ff)
        self.w_2 = nn.Linear(d_ff, d_model)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.w_1(x)  # (B, L, d_ff)
        active = nn.functional.gelu(hidden, approximate="tanh")  # (B, L, d_ff)
        output = self.w_2(active)  # (B, L, d_model)
        return output

    # The stages it is taught in, in their order: each with its steps by name and operation, and a ? if it may not run.
    stages = """
        expand: hidden linear
        gelu: active gelu
        contract: output linear
    """


class SwiGLU(nn.Module):
    """Llama's: one projection decides how much of another passes (Shazeer 2020).

    ``x`` is (B, L, d_model); returns the same shape.
    """

    def __init__(self, d_model: int, d_ff: int) -> None:
        super().__init__()
        self.w_gate = nn.Linear(d_model, d_ff, bias=False)
        self.w_up = nn.Linear(d_model, d_ff, bias=False)
        self.w_down = nn.Linear(d_ff, d_model, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate = self.w_gate(x)  # (B, L, d_ff)
        opened = nn.functional.silu(gate)  # (B, L, d_ff)
        up = self.w_up(x)  # (B, L, d_ff)
        hidden = opened * up  # (B, L, d_ff)
        output = self.w_down(hidden)  # (B, L, d_model)
        return output

    # The stages it is taught in, in their order: each with its steps by name and operation, and a ? if it may not run.
    stages = """
        gate: gate linear, opened silu
        expand: up linear
        let through: hidden mul
        contract: output linear
    """
