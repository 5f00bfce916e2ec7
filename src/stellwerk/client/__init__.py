"""A light client that speaks to server and gateway over HTTP only, and packs folders into bundles."""
