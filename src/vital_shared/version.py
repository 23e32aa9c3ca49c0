"""Version of the distribution ``vital-engine``; the build reads it here, and nothing else states it."""

__all__ = ["__version__"]

__version__ = "0.1.0"
