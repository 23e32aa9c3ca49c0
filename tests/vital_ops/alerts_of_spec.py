"""Who has to be told of which alert."""

__all__ = ["CRITICAL", "RECEIVERS"]

RECEIVERS = {
    "HighErrorRate": {"slack", "pagerduty"},
    "HighLatency": {"slack"},
    "VeryHighLatency": {"pagerduty"},
    "LowCacheHitRate": {"slack"},
    "CacheNearCapacity": {"slack"},
    "HighCacheEvictionRate": {"slack"},
    "HighDailyCost": {"email"},
    "SuddenCostSpike": {"pagerduty", "email"},
    "LowQualityScore": {"slack"},
    "HighDegradationRate": {"slack"},
    "HighToolFailureRate": {"slack"},
    "HighRAGFailureRate": {"pagerduty"},
    "DeadLetters": {"slack", "email"},
    "EngineDown": {"slack", "pagerduty"},
    "ReplicaDown": {"slack"},
    "EngineRejecting": {"slack"},
    "NotificationsFailing": {"email"},
    "TrafficDropped": {"slack"},
    "TenantAvailability": {"slack"},
    "WorkerRestarts": {"slack"},
    "TenantBudget": {"email", "slack"},
}
CRITICAL = {"VeryHighLatency", "SuddenCostSpike", "HighRAGFailureRate", "EngineDown"}
