"""Sums of products in further forms: einsum, convolutions, a product added to a tensor."""
