"""Words that everything else is built from: ids, time, canonical JSON, hashing, errors, actors, route rules."""
