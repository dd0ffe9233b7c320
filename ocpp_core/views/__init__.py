"""Pages over what only the chargers' door knows."""
