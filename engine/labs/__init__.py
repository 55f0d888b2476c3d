"""The experiments of the labs: pure functions of sizes and tokens, each with the few lines of PyTorch that do it."""
