"""What draws in the browser, each with its Python face."""
