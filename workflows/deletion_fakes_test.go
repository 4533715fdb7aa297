package workflows

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/habeas-dsr/habeas/internal/contract"
)

// eraser is what the fakes of a deletion do. Each may be replaced by a test.
type eraser struct {
	linked     contract.Ref
	large      bool
	stops      func(in contract.EraseInput) int
	held       func() []string
	agree      func(contract.AgreeInput) error
	withdrawn  func() bool
	begin      func(contract.PlanInput) error
	erase      func(context.Context, contract.EraseInput) error
	left       func(contract.EraseInput) int
	look       func(contract.EraseInput) error
	coolOff    time.Duration
	byHand     []string // systems in which people delete by hand
	processors []string
	certify    func() error
	order      []string // of the systems
	after      [][]string
}

func refusal(typ string) error {
	return temporal.NewNonRetryableApplicationError("no", typ, nil)
}

// deleting registers the fakes of a deletion beside those of every case.
func deleting(env *testsuite.TestWorkflowEnvironment, f *fakes) *eraser {
	e := &eraser{
		stops: func(contract.EraseInput) int { return 0 }, held: func() []string { return nil },
		agree:     func(contract.AgreeInput) error { return nil },
		withdrawn: func() bool { return false }, begin: func(contract.PlanInput) error { return nil },
		erase: func(context.Context, contract.EraseInput) error { return nil },
		left:  func(contract.EraseInput) int { return 0 }, look: func(contract.EraseInput) error { return nil }, coolOff: 72 * time.Hour,
		certify: func() error { return nil }, order: []string{"billing", "accounts"},
	}
	f.facts.Kind = "deletion"
	steps := []contract.SearchStep{{Level: 0, System: "accounts", Collections: []string{"users"}}, {Level: 1, System: "billing", Collections: []string{"orders"}}}
	add(env, f, contract.LinkCase, func(context.Context, contract.RefInput) (contract.LinkResult, error) {
		return contract.LinkResult{To: e.linked}, nil
	})
	add(env, f, contract.WipeCopy, func(context.Context, contract.RefInput) (contract.Nothing, error) {
		return contract.Nothing{}, nil
	})
	add(env, f, contract.StartPlan, func(_ context.Context, in contract.PlanInput) (contract.PlanWalk, error) {
		out := contract.PlanWalk{Steps: steps, Systems: []string{"accounts", "billing"}}
		f.count(fmt.Sprintf("plan:%d", in.Plan))
		return out, nil
	})
	add(env, f, contract.MarkRows, func(context.Context, contract.MarkInput) (contract.Nothing, error) {
		return contract.Nothing{}, nil
	})
	add(env, f, contract.DraftPlan, func(_ context.Context, in contract.EraseInput) (contract.DraftResult, error) {
		return contract.DraftResult{Rows: 2, Stops: e.stops(in)}, nil
	})
	add(env, f, contract.SealPlan, func(context.Context, contract.PlanInput) (contract.PlanFacts, error) {
		return contract.PlanFacts{Rows: 4, Large: e.large, Order: e.order, After: e.after, Fresh: steps, ByHand: e.byHand, Processors: e.processors}, nil
	})
	add(env, f, contract.CheckHolds, func(context.Context, contract.PlanInput) (contract.HoldsResult, error) {
		return contract.HoldsResult{Systems: e.held()}, nil
	})
	add(env, f, contract.AgreePlan, func(_ context.Context, in contract.AgreeInput) (contract.AgreeResult, error) {
		return contract.AgreeResult{Until: env.Now().Add(e.coolOff)}, e.agree(in)
	})
	add(env, f, contract.ConfirmWithdrawn, func(context.Context, contract.RefInput) (contract.ConfirmResult, error) {
		return contract.ConfirmResult{True: e.withdrawn()}, nil
	})
	add(env, f, contract.BeginErasing, func(_ context.Context, in contract.PlanInput) (contract.Nothing, error) {
		return contract.Nothing{}, e.begin(in)
	})
	add(env, f, contract.Erase, func(ctx context.Context, in contract.EraseInput) (contract.EraseResult, error) {
		f.count("erase:" + in.System)
		return contract.EraseResult{Deleted: 2}, e.erase(ctx, in)
	})
	add(env, f, contract.Rediscover, func(context.Context, contract.MarkInput) (contract.Nothing, error) {
		return contract.Nothing{}, nil
	})
	add(env, f, contract.ReadBack, func(_ context.Context, in contract.EraseInput) (contract.ReadBackResult, error) {
		return contract.ReadBackResult{Left: e.left(in)}, e.look(in)
	})
	add(env, f, contract.Certify, func(context.Context, contract.PlanInput) (contract.CertifyResult, error) {
		return contract.CertifyResult{Hash: []byte{1}}, e.certify()
	})
	return e
}
