"""The figures of a period, kept and compared with a later one's."""
