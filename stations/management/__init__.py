"""Commands of the floor of charging."""
