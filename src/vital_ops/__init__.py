"""Operations: dashboards, alerts, drills, and reports on the engine, for operators and managers."""
