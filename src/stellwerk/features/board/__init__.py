"""The signal board: every service a line with its stations, and the page of one service."""
