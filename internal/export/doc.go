// Package export makes what a person receives: parts, which are written while a collection is read,
// and the package, a ZIP that is put together from them.
//
// A part is one collection in one format, deflated and encrypted (age) to the key of the case, with
// CRC and sizes known, so that it can be copied into the ZIP as it lies (zip.Writer.CreateRaw).
// Only where a reviewer has a column masked or left out is a part read and written anew. Every
// part is held against its SHA-256 while it is copied, so the manifest never vouches for bytes
// that nobody collected. Memory does not grow with the number of rows.
//
// The package holds index.html and context.html to read (no scripts, nothing loaded from
// elsewhere), data/<system>/<collection>.json and .csv, context.json, manifest.json with the
// SHA-256 of every file, and its signature. The same input gives the same bytes, but for the
// encryption around them.
//
// What does not belong here: reading systems (internal/systems), where bytes are kept
// (internal/blobs), and who may have the package (internal/desk).
package export
