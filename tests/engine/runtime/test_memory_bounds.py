"""Where a run begins not to fit, and what may give way."""

import pytest

from engine import Config, trained_config
from engine.runtime.memory_estimate import TooLargeError, check_fits, measure


def test_a_run_may_take_the_last_byte_and_not_one_more():
    config = Config(d_model=32, heads=4, encoder_layers=1, decoder_layers=1)
    nbytes = measure(config).total
    check_fits(config, nbytes)
    with pytest.raises(TooLargeError) as raised:
        check_fits(config, nbytes - 1)
    assert (raised.value.nbytes, raised.value.room) == (nbytes, nbytes - 1)


def test_trained_weights_are_not_offered_sizes_that_they_do_not_have():
    config = trained_config(batch=3, src_len=6, tgt_len=6)
    with pytest.raises(TooLargeError) as raised:
        check_fits(config, measure(config).total - 1)
    assert raised.value.problems[0].remedy == "fits with batch 2, source length 5 or target length 5"
    with pytest.raises(TooLargeError) as raised:
        check_fits(config, measure(config).parameters)
    assert raised.value.problems[0].remedy == "make several settings smaller"
