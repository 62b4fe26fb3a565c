"""Application Insights, as far as an exporter sees it: where telemetry is sent."""
