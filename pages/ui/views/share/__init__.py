"""What people take along from a page: link, picture, numbers, Python, and paper."""
