"""What the general axes L and L_k of a shape comment are in each part of the Transformer.

Its modules serve the source and the target side alike, so their comments say L (whose tokens) and L_k (whose keys).
Here is which is which, by module path; the first pattern that matches counts.
"""

from collections.abc import Mapping, Sequence

AXIS_NAMES: Sequence[tuple[str, Mapping[str, str]]] = (
    ("source_*", {"L": "S", "L_k": "S"}),
    ("target_*", {"L": "T", "L_k": "T"}),
    ("encoder*", {"L": "S", "L_k": "S"}),
    ("decoder*.cross_attention*", {"L": "T", "L_k": "S"}),
    ("decoder*", {"L": "T", "L_k": "T"}),
)
