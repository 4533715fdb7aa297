// Package config reads what the programs are told: environment variables, which flags may
// override. Temporal's own settings (TEMPORAL_*, the profile file) are read by Temporal's
// envconfig and are not here. What does not belong here: opening what a setting names.
package config
