"""What lets a process die where a test says."""
