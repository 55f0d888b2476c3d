"""What a program raised while it was recorded: which call, on which operands, why, and the nearest thing that works."""
