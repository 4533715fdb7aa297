// Package blobs keeps packages, parts and uploads: big things that are already encrypted, under
// names that say nothing about a person. One interface, two stores: a folder, and a bucket of any
// S3-compatible server.
//
// A blob appears whole or not at all: who is killed while writing leaves the blob that was there
// before, or none. Nothing is held in memory but one part of 8 MiB. What does not belong here:
// encryption (internal/seal, internal/export) and knowing which blob belongs to what
// (internal/casefile).
package blobs
