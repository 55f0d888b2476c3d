"""Config and text in, trace out: memory, devices, the forward pass, decoding."""
