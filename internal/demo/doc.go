// Package demo drives Habeas as its users do: it sets the example company up on a local stack, acts
// as staff through the desk, and as the person through letters and the portal's pages. `make demo`
// shows it; the end-to-end tests stand on it. Nothing of it belongs into a real installation.
package demo
