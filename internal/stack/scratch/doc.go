// Package scratch is what servers for tests have in common: a folder that is swept away by the
// next test process when its own was killed, a free port, and a process that the kernel ends
// together with the test process. What does not belong here: any particular server.
package scratch
