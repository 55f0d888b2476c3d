"""Two traces side by side: what the shown one is compared with, both strips, and the first difference opened."""
