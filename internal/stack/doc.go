// Package stack runs on this machine what Habeas needs around it: a private PostgreSQL cluster, a
// MariaDB server where a system asks for one, a Temporal dev server with its UI, and a catcher for
// mail and short messages. It is there for
// `make demo`, for tests and for trying things out; nothing in it is meant for production.
//
// Up, Down and Status work on a state folder. It holds state.json (processes, ports, passwords),
// the data of each part, their logs, and env.sh to point a shell at them. Two stacks in two
// folders do not meet.
//
// It promises:
//   - all listens on loopback only;
//   - ports, passwords and data outlive Down, and a SIGKILL of everything: the next Up comes back
//     on the same URLs with the same data;
//   - Down ends every process that the stack started, and no other: a process is known by its id
//     and its start time, and signalled through a handle that cannot pass to another one;
//   - two commands at once on one folder do not mix: the second is refused.
//
// What does not belong here: what runs on the stack. Whoever wants a worker to end with it starts
// the worker by StartProcess.
package stack
