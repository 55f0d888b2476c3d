"""The chooser of models, and the sizes and settings of today's Transformers."""
