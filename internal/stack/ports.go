package stack

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// portWait is how long a port of ours may stay taken after its owner was killed: PostgreSQL's
// orphaned children hold it for a moment.
const portWait = 5 * time.Second

// settlePort decides where a part that does not run will listen: as given, or else as remembered,
// or else on a free port. A remembered port that somebody else took meanwhile is replaced, and
// say tells so; a given one is an error.
func settlePort(ctx context.Context, what string, port *int, given int, taken []int, say func(string)) error {
	if given != 0 {
		*port = given
	}
	if *port != 0 {
		if waitFree(ctx, *port) {
			return nil
		}
		if given != 0 {
			return fault.Newf(contract.ErrBadInput, "port %d, wanted for %s, is taken by another program", given, what).
				WithHint("give another port, or none to have a free one chosen")
		}
		say(fmt.Sprintf("port %d is taken by another program; %s moves to a free one", *port, what))
	}
	for {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return fmt.Errorf("finding a free port: %w", err)
		}
		*port = l.Addr().(*net.TCPAddr).Port
		_ = l.Close()
		if !slices.Contains(taken, *port) {
			return nil
		}
	}
}

func waitFree(ctx context.Context, port int) bool {
	for deadline := time.Now().Add(portWait); ; {
		l, err := net.Listen("tcp4", loopback(port))
		if err == nil {
			_ = l.Close()
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(50 * time.Millisecond):
		}
	}
}
