"""Several stages in one message."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from pages.ui.components.tensor_view.bundle import join, within

stages = st.lists(st.tuples(st.integers(0, 5000), st.binary(max_size=50)), max_size=6)


def taken_apart(message):
    """As decode.js does it, written from the description of the format."""
    (count,) = struct.unpack_from("<I", message)
    at = -(-(4 + 8 * count) // 8) * 8
    found = []
    for place in range(count):
        step, length = struct.unpack_from("<II", message, 4 + 8 * place)
        assert at % 8 == 0
        found.append((step, message[at : at + length]))
        at += -(-length // 8) * 8
    assert at == len(message)
    return found


@given(stages)
def test_stages_put_into_one_message_come_out_as_they_were(given_stages):
    assert taken_apart(join(given_stages)) == given_stages


@given(stages, st.integers(0, 200))
def test_as_many_stages_go_as_fit(given_stages, most):
    taken = within(given_stages, most)
    assert taken == given_stages[: len(taken)]
    assert sum(len(data) for _, data in taken) <= most
    if len(taken) < len(given_stages):
        assert sum(len(data) for _, data in given_stages[: len(taken) + 1]) > most


def test_stages_that_do_not_fit_are_not_even_prepared():
    asked = []

    def prepared():
        for step in range(5):
            asked.append(step)
            yield step, b"x" * 40

    assert len(within(prepared(), 100)) == 2
    assert asked == [0, 1, 2]
