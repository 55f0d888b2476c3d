"""Further functions of one number."""

from __future__ import annotations

import torch

from engine.ops.entries.elementwise import UnaryFunction
from engine.ops.entries.nonlinear.activations import Activation
from engine.ops.registry import register

register(Activation("round", torch.round, "round({0.alone})", "is {x} rounded, to {decimals} decimals", decimals=0))
register(UnaryFunction("floor", torch.floor, "⌊{0.alone}⌋", "is {x} rounded down"))
register(UnaryFunction("ceil", torch.ceil, "⌈{0.alone}⌉", "is {x} rounded up"))
register(UnaryFunction("trunc fix", torch.trunc, "[{0.alone}]", "is {x} rounded to 0"))
register(UnaryFunction("sign sgn", torch.sign, "sign {}", "is the sign of {x}"))
register(UnaryFunction("erf special_erf", torch.erf, "erf {}", "is the error function of {x}"))
register(UnaryFunction("exp2 special_exp2", torch.exp2, "2^{}", "is 2 to the power {x}"))
register(UnaryFunction("expm1 special_expm1", torch.expm1, "e^{} − 1", "is e to the power {x}, less 1"))
register(UnaryFunction("log1p special_log1p", torch.log1p, "ln(1 + {})", "is the natural logarithm of 1 plus {x}"))
register(UnaryFunction("log2", torch.log2, "log₂ {}", "is the logarithm of {x} to the base 2"))
register(UnaryFunction("log10", torch.log10, "log₁₀ {}", "is the logarithm of {x} to the base 10"))
register(UnaryFunction("tan", torch.tan, "tan {}", "is the tangent of {x}"))
register(UnaryFunction("atan arctan", torch.atan, "arctan {}", "is the angle whose tangent is {x}"))
register(UnaryFunction("sinh", torch.sinh, "sinh {}", "is the hyperbolic sine of {x}"))
register(UnaryFunction("cosh", torch.cosh, "cosh {}", "is the hyperbolic cosine of {x}"))
