"""The conformance suites: for everyone who writes a store or a model, as for our own."""

from palaver.testing.clock import FakeClock
from palaver.testing.models import ModelConformance
from palaver.testing.stores import StoreConformance

__all__ = ["FakeClock", "ModelConformance", "StoreConformance"]
