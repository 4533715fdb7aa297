// Package telemetry is what operators see beside the Temporal UI: metrics for Prometheus, health
// pages, and logs. It promises that a log line never carries a personal value under a key that is
// known to hold one. What does not belong here: deciding what is worth an alert (docs/operating.md).
package telemetry
