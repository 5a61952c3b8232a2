"""The conformance suites: for everyone who writes a store, a model, an embedding or an index, as for our own."""

from palaver.testing.clock import FakeClock
from palaver.testing.embeddings import EmbeddingConformance
from palaver.testing.indexes import VectorIndexConformance, WordIndexConformance
from palaver.testing.models import ModelConformance
from palaver.testing.stores import StoreConformance

__all__ = [
    "EmbeddingConformance",
    "FakeClock",
    "ModelConformance",
    "StoreConformance",
    "VectorIndexConformance",
    "WordIndexConformance",
]
