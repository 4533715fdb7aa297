package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"sync/atomic"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/subject"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// FindAccount looks the request's identities up in every directory of the map and keeps the rows
// found in the casefile, sealed. One row settles whose case it is; several wait for a reviewer.
func (a *Activities) FindAccount(ctx context.Context, in contract.RefInput) (contract.FoundAccount, error) {
	var none contract.FoundAccount
	known, chosen, err := a.Store.Accounts(ctx, in.Ref)
	if err != nil {
		return none, err
	}
	if chosen >= 0 {
		return contract.FoundAccount{Candidates: len(known), Settled: true}, nil
	}
	request, err := a.Store.Request(ctx, in.Ref)
	if err != nil {
		return none, err
	}
	if request.Directory != "" {
		return a.findRestored(ctx, in.Ref, request)
	}
	reader, err := a.reader(ctx, in.Ref, request)
	if err != nil {
		return none, err
	}
	var looked atomic.Int64
	progress(ctx, &looked, 0)
	found, err := subject.FindAccount(ctx, a.Map, a.opener(ctx), request.Identities)
	if err != nil {
		return none, err
	}
	sealed := make([][]byte, 0, len(found))
	for _, account := range found {
		if account.Reader = reader; reader != nil {
			account.Lang = "" // that of the request: the row's is the person's
		}
		raw, err := json.Marshal(account)
		if err != nil {
			return none, fmt.Errorf("writing a candidate: %w", err)
		}
		sealed = append(sealed, raw)
	}
	if err := a.Store.PutAccounts(ctx, in.Ref, sealed); err != nil {
		return none, err
	}
	if len(found) != 1 {
		return contract.FoundAccount{Candidates: len(found)}, nil
	}
	return contract.FoundAccount{Candidates: 1, Settled: true}, a.Store.ChooseAccount(ctx, in.Ref, 0, "the only row")
}

// opener gives subject the connections to the systems.
func (a *Activities) opener(ctx context.Context) subject.Opener {
	return func(system string) (systems.System, error) { return a.Open(ctx, system) }
}

// ChooseAccount takes the row that a reviewer chose; the signed decision is checked here.
func (a *Activities) ChooseAccount(ctx context.Context, in contract.TaskInput) (contract.Nothing, error) {
	task, err := a.Store.CheckApproval(ctx, in.Task, a.Pins)
	if err != nil {
		return contract.Nothing{}, err
	}
	n, err := strconv.Atoi(task.Choices["account"])
	if err != nil || task.Kind != dsr.TaskChooseAccount || task.Ref != in.Ref {
		return contract.Nothing{}, fault.Newf(contract.ErrNotApproved, "task %s does not say which row is meant", in.Task)
	}
	// The number means what the reviewer saw: the list may have changed under it.
	raw, err := a.Store.Shown(ctx, in.Task)
	if err != nil {
		return contract.Nothing{}, err
	}
	seen, err := dsr.ReadShown(raw)
	if err != nil {
		return contract.Nothing{}, err
	}
	now := dsr.Shown{Ref: in.Ref}
	if err := a.showCandidates(ctx, &now); err != nil {
		return contract.Nothing{}, err
	}
	if !reflect.DeepEqual(seen.Candidates, now.Candidates) {
		return contract.Nothing{}, fault.Newf(contract.ErrNotApproved, "the rows that task %s showed are not those found now", in.Task)
	}
	return contract.Nothing{}, a.Store.ChooseAccount(ctx, in.Ref, n, "task "+in.Task)
}

// account is the directory row that the case is about. A row that names no language is answered in
// that of the request.
func (a *Activities) account(ctx context.Context, ref contract.Ref) (subject.Account, error) {
	list, chosen, err := a.Store.Accounts(ctx, ref)
	if err != nil {
		return subject.Account{}, err
	}
	if chosen < 0 || chosen >= len(list) {
		return subject.Account{}, fault.Newf(contract.ErrNotFound, "%s: it is not settled whose case this is", ref)
	}
	account, err := readAccount(list[chosen])
	if err != nil || account.Lang != "" {
		return account, err
	}
	c, err := a.Store.Case(ctx, ref)
	account.Lang = c.Lang
	return account, err
}

func readAccount(raw []byte) (subject.Account, error) {
	var account subject.Account
	if err := json.Unmarshal(raw, &account); err != nil {
		return account, fault.New(contract.ErrTampered, "a directory row in the casefile cannot be read", err)
	}
	return account, nil
}
