"""Runs that are worked on here and in peers, their events, and the slots that tenants share."""
