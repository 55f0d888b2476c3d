"""What a person has set, in the session and in the address."""
