"""Reading what other tracking servers hold, bringing it here over REST, and proving that all has come."""
