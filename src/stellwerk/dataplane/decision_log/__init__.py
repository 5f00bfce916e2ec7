"""The decision log: one SQLite segment after the other per writer, never changed once rotated."""
