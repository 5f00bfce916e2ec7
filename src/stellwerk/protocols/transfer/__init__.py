"""How tracked things travel from one server to another: what is said over the wire, and what proves equality."""
