// Package deploy holds what docker-compose.yml at the top of the repository needs beside it
// (prepare.sh makes the secrets) and the tests that hold both against the program: pinned images,
// loopback ports, known settings, no secret in plain. It has no code of its own.
package deploy
