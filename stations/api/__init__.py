"""The JSON door of charging."""
