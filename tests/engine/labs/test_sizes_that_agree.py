"""The rules of the sizes, held against what PyTorch takes, over all sizes."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.labs.sizes_that_agree import chain, code, working
from engine.labs.sizes_that_agree.attention_sizes import MOST, MOST_BATCH, MOST_HEADS, MOST_WIDTH, AttentionSizes
from engine.labs.sizes_that_agree.by_accident import MISTAKES, accident

any_size = st.integers(1, MOST)
any_sizes = st.builds(
    AttentionSizes,
    batch=st.integers(1, MOST_BATCH),
    heads=st.integers(1, MOST_HEADS),
    **dict.fromkeys(("queries", "keys", "values", "d_k", "d_k_of_keys", "d_v", "w_out", "d_model"), any_size),
    w_in=st.integers(1, MOST_WIDTH),
)


@settings(max_examples=150)
@given(any_sizes)
def test_two_products_work_exactly_where_d_k_and_the_numbers_of_keys_and_values_agree(sizes):
    links = chain(sizes).links
    assert (links[0].value is not None) == (sizes.d_k == sizes.d_k_of_keys)
    if len(links) > 1:
        assert (links[1].value is not None) == (sizes.keys == sizes.values)
    for link in links[:2]:
        assert link.agree == (link.value is not None) == (link.error == "")


@settings(max_examples=150)
@given(any_sizes, st.booleans())
def test_w_o_must_take_what_the_heads_give_and_the_residual_stretches_a_size_of_1(sizes, fits):
    sizes = replace(working(sizes), w_in=sizes.heads * sizes.d_v if fits else sizes.w_in, w_out=sizes.w_out)
    links = chain(sizes).links
    assert (links[2].value is not None) == (sizes.w_in == sizes.heads * sizes.d_v) == links[2].agree
    if len(links) > 3:
        assert links[3].agree == (sizes.w_out == sizes.d_model)
        assert (links[3].value is not None) == (links[3].agree or 1 in (sizes.w_out, sizes.d_model))


@settings(max_examples=40)
@given(any_sizes)
def test_where_all_sizes_agree_the_numbers_are_those_of_pytorchs_attention(sizes):
    sizes = working(sizes)
    found = chain(sizes)
    given = found.given
    mixed = torch.nn.functional.scaled_dot_product_attention(given.query, given.key, given.value)
    torch.testing.assert_close(found.links[1].value, mixed)
    joined = torch.cat([mixed[:, head] for head in range(sizes.heads)], dim=-1)
    torch.testing.assert_close(found.links[2].value, torch.einsum("blc,dc->bld", joined, given.w_o))
    torch.testing.assert_close(found.links[3].value - found.links[2].value, given.x)
    shapes = [link.result.shape for link in found.links]
    lead, rows = (sizes.batch, sizes.heads, sizes.queries), (sizes.batch, sizes.queries, sizes.d_model)
    assert shapes == [(*lead, sizes.keys), (*lead, sizes.d_v), rows, rows]


@settings(max_examples=100)
@given(any_sizes, st.booleans())
def test_the_remedy_works_and_the_words_hold_the_sizes_that_pytorch_names(sizes, attention_works):
    if attention_works:
        sizes = replace(sizes, d_k_of_keys=sizes.d_k, values=sizes.keys)
    last = chain(sizes).links[-1]
    if last.agree:
        return
    left, right = last.left.shape[last.meet[0]], last.right.shape[last.meet[1]]
    for size in (left, right):
        assert str(size) in last.rule.given
    assert str(left) in last.rule.remedy
    fields = {
        "scores": [{"d_k_of_keys": sizes.d_k}, {"d_k": sizes.d_k_of_keys}],
        "mixed": [{"values": sizes.keys}, {"keys": sizes.values}],
        "output": [{"w_in": sizes.heads * sizes.d_v}],
        "summed": [{"w_out": sizes.d_model}, {"d_model": sizes.w_out}],
    }
    for change in fields[last.result.name]:
        links = chain(replace(sizes, **change)).links
        [same] = [link for link in links if link.result.name == last.result.name]
        assert same.agree
        assert same.value is not None
    # PyTorch's own words, and how they are read, come together.
    assert bool(last.reading) == bool(last.error)


def test_the_remedy_for_w_o_names_a_d_v_only_where_it_fits_exactly():
    rule = chain(AttentionSizes(w_in=12)).links[2].rule
    assert rule.given == "H·d_v is 2·5 = 10, and W_O takes 12"
    assert rule.remedy == "W_O takes 10, or d_v 6 with 2 heads"
    assert chain(AttentionSizes(w_in=12, d_v=6)).links[2].agree
    assert chain(AttentionSizes(w_in=11)).links[2].rule.remedy == "W_O takes 10"


def test_pytorchs_words_are_those_it_says_to_plain_tensors_of_these_sizes():
    with pytest.raises(RuntimeError) as said:
        torch.zeros(1, 2, 4, 3) @ torch.zeros(1, 2, 4, 6)
    assert chain(AttentionSizes(d_k_of_keys=4)).links[-1].error == str(said.value)
    with pytest.raises(RuntimeError) as said:
        torch.nn.Linear(12, 8)(torch.zeros(1, 4, 10))
    assert chain(AttentionSizes(w_in=12)).links[-1].error == str(said.value)
    with pytest.raises(RuntimeError) as said:
        torch.zeros(1, 4, 8) + torch.zeros(1, 4, 7)
    assert chain(AttentionSizes(w_out=7)).links[-1].error == str(said.value)


def test_the_sum_of_the_first_number_leaves_without_a_partner_what_is_too_much():
    pairs = chain(AttentionSizes(d_k_of_keys=4)).links[0].pairs
    assert [None in pair for pair in pairs] == [False, False, False, True]
    found = chain(AttentionSizes())
    for link in found.links[:2]:
        total = math.fsum(a * b for a, b in link.pairs)
        assert total == pytest.approx(link.value[0, 0, 0, 0].item(), rel=1e-5)


def test_a_number_stays_what_it_was_when_its_tensor_grows():
    small, large = (
        chain(AttentionSizes(queries=2, keys=3, values=3)).given,
        chain(AttentionSizes(batch=3, keys=8, values=8)).given,
    )
    assert torch.equal(large.query[:1, :, :2], small.query)
    assert torch.equal(large.key[:1, :, :3], small.key)
    assert torch.equal(large.value[:1, :, :3], small.value)


@settings(max_examples=80)
@given(any_sizes)
def test_each_mistake_runs_exactly_when_it_says(sizes):
    assert (accident("key not transposed", sizes).wrong is not None) == (sizes.keys == sizes.d_k)
    assert (accident("weights transposed", sizes).wrong is not None) == (sizes.keys == sizes.queries)
    assert accident("keys of one sentence", sizes).wrong is not None
    assert accident("residual of one token", sizes).wrong is not None


@settings(max_examples=40)
@given(any_sizes)
def test_a_size_that_is_repeated_is_right_for_the_first_and_for_no_other(sizes):
    found = accident("keys of one sentence", sizes)
    assert torch.equal(found.wrong[0], found.right[0])
    assert found.changed == found.right[1:].numel()
    found = accident("residual of one token", sizes)
    assert torch.equal(found.wrong[:, 0], found.right[:, 0])
    assert found.changed == found.right[:, 1:].numel()
    assert (found.difference == 0) == (found.changed == 0)


def test_weights_transposed_give_each_token_what_others_gave_to_it():
    sizes = AttentionSizes(queries=4, keys=4, values=4)
    given = chain(sizes).given
    scores = torch.einsum("bhld,bhkd->bhlk", given.query, given.key) / math.sqrt(sizes.d_k)
    weights = scores.exp() / scores.exp().sum(dim=-1, keepdim=True)
    found = accident("weights transposed", sizes)
    torch.testing.assert_close(found.wrong, torch.einsum("bhlk,bhlv->bhkv", weights, given.value))
    assert found.right.shape == found.wrong.shape
    assert found.difference == pytest.approx((found.wrong - found.right).abs().max().item())


def test_every_right_line_leads_to_what_the_chain_computes():
    sizes = working(AttentionSizes(batch=2))
    links = {link.result.name: link.value for link in chain(sizes).links}
    for name, mistake in MISTAKES.items():
        torch.testing.assert_close(accident(name, sizes).right, links[mistake.name])


@pytest.mark.parametrize(
    "sizes",
    [
        AttentionSizes(),
        AttentionSizes(d_k_of_keys=4),
        AttentionSizes(values=5),
        AttentionSizes(w_in=12),
        AttentionSizes(w_out=7),
        AttentionSizes(w_out=1),
        AttentionSizes(batch=3),
    ],
)
def test_the_code_prints_the_shapes_or_the_error_of_the_experiment(sizes, capsys):
    exec(code(sizes), {})
    links = chain(sizes).links
    expected = [link.error or f"{link.result.name} {link.result.shape}" for link in links]
    assert capsys.readouterr().out.splitlines() == expected
