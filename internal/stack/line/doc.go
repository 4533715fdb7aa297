// Package line is a TCP line to a server that can be cut and joined again: for tests and fault runs of an
// outage that the server itself knows nothing of. Counted is one to PostgreSQL that counts round trips. What does not belong here: what a line carries.
package line
