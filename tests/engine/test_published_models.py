"""The sizes with which the published architectures are built."""

from __future__ import annotations

import dataclasses

import pytest

from tests.engine.published_models import DIFFERENT

pytest.importorskip("transformers")


def test_every_size_is_of_its_own_so_that_it_names_its_axis():
    sizes = dataclasses.asdict(DIFFERENT)
    patches = sizes.pop("patches")
    # These are never axes of the same model as those they are equal to.
    for name in ("key_heads", "channels", "experts", "groups"):
        sizes.pop(name)
    alone = [*sizes.values(), DIFFERENT.model_width, DIFFERENT.query_heads, *(DIFFERENT.patch * n for n in patches)]
    alone.remove(DIFFERENT.patch)  # query_heads is as large
    assert len(set(alone)) == len(alone)
