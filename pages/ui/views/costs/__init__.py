"""What a model costs: the sheet, its parameters term by term, and the costs of every step."""
