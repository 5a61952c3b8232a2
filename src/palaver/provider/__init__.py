"""What models and embeddings share of a provider: where it is, how it is asked over HTTP, what it refuses, when to retry."""
