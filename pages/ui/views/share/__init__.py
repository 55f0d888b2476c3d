"""What people take along from a step: its link, its picture, its numbers, and the Python that makes it again."""

TITLE = "Share and download: link, picture, numbers, Python"
