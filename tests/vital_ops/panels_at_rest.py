"""Panels that show nothing but zeros under the load of the tests, and why."""

from __future__ import annotations

from typing import Final

from vital_ops.uids import CACHE, COST, HEALTH, PERFORMANCE, RELIABILITY

__all__ = ["AT_REST"]

AT_REST: Final = {
    (PERFORMANCE, "active_workflows"): "all requests have ended",
    (CACHE, "memory"): "the answers were thrown away with the last document",
    (CACHE, "evictions"): "answers expire before there are too many of them",
    (COST, "month_forecast"): "it is made every five minutes, and nothing was spent before the load",
    (COST, "usage_limit_refusals"): "the limit is not reached",
    (HEALTH, "active_connections"): "no connection is in use",
    (HEALTH, "answer_probability"): "no answer is of a model for which there is a calibration",
    (RELIABILITY, "worker_restarts"): "no worker ended",
    (RELIABILITY, "rejection_share"): "there was room for all requests, and no key was asked for",
    (RELIABILITY, "http_refusals"): "all requests could be read",
    (RELIABILITY, "cancellations"): "no client went away",
    (RELIABILITY, "burn_first_token"): "all first tokens came in time",
    (RELIABILITY, "garbage_collections"): "collections are rare, and none was due",
    (RELIABILITY, "label_overflow"): "there are names for all",
    (RELIABILITY, "set_aside"): "all writes could be made",
    (RELIABILITY, "notification_failures"): "the Alertmanager of the tests notifies nobody",
}
"""The reason, by the dashboard's uid and the panel's key."""
