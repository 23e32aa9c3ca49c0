"""Medicines and devices in the public openFDA API."""
