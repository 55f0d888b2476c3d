"""What the text of a program says of the sizes of its tensors: functions, constructors, einops patterns."""
