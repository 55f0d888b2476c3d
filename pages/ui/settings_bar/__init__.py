"""The bar above every page that runs a model: the sizes in a row, and the drawer with all other settings."""
