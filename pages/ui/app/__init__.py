"""What every page has: frame, page runner, controls, start-up, theme."""
