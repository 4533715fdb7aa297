package activities

import (
	"cmp"
	"context"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/export"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/jurisdiction"
	"github.com/habeas-dsr/habeas/internal/subject"
)

// Assemble puts the package together from the parts, with the reviewer's choices, and seals it.
// The choices are those of the review given, whose signature is checked here. A collection without
// a part stops it, unless a signed decision left its system out.
func (a *Activities) Assemble(ctx context.Context, in contract.TaskInput) (contract.AssembleResult, error) {
	var out contract.AssembleResult
	if err := a.verified(ctx, in.Ref); err != nil {
		return out, err
	}
	review, err := a.Store.CheckApproval(ctx, in.Task, a.Pins)
	if err != nil {
		return out, err
	}
	if review.Ref != in.Ref || review.Kind != dsr.TaskReview {
		return out, fault.Newf(contract.ErrNotApproved, "task %s is not a review of this case", in.Task)
	}
	if c, err := a.Store.Case(ctx, in.Ref); err != nil || c.EndingAt != nil {
		return out, cmp.Or(err, error(fault.Newf(contract.ErrNotOpen, "%s is ending: nothing is packed for it any more", in.Ref)))
	}
	pack, err := a.content(ctx, in.Ref, review)
	if err != nil {
		return out, err
	}
	refused, err := a.withheld(ctx, in.Ref)
	if err != nil {
		return out, err
	}
	key, err := a.Store.Key(ctx, in.Ref)
	if err != nil {
		return out, err
	}
	identity, err := key.Age()
	if err != nil {
		return out, err
	}
	var moved atomic.Int64
	progress(ctx, &moved, partBytes(pack))
	var manifest export.Manifest
	// A random piece in the name: a package that was released is never written over.
	attempt, err := attemptName()
	if err != nil {
		return out, err
	}
	name := folder(in.Ref) + "package." + attempt + ".zip.age"
	_, err = a.Blobs.Put(ctx, name, func(w io.Writer) (err error) {
		open := func(name string) (io.ReadCloser, error) { return a.Blobs.Open(ctx, name) }
		sign := func(raw []byte) ([]byte, error) { return a.Keys.Sign(export.SignatureDomain, raw) }
		manifest, err = export.Assemble(ctx, pack, open, identity, identity.Recipient(), sign, &counting{w: w, n: &moved})
		return err
	})
	if err != nil {
		return out, err
	}
	kept, err := a.Store.PutPackage(ctx, casefile.Package{
		Ref: in.Ref, Blob: name, ManifestHash: manifest.Hash(), Size: manifest.Size, Files: len(manifest.Files), AssembledAt: a.Now()})
	if fault.Is(err, contract.ErrNotOpen) || (err == nil && kept.Blob != name) {
		err = errors.Join(err, a.Blobs.Delete(ctx, name)) // it was not taken
	}
	return contract.AssembleResult{ManifestHash: kept.ManifestHash, Files: kept.Files, Size: kept.Size, Withheld: len(refused)}, err
}

// content is what goes into the package. Its time is that of the review, so that the same answer
// has the same manifest.
func (a *Activities) content(ctx context.Context, ref contract.Ref, review casefile.Task) (export.Package, error) {
	var pack export.Package
	c, err := a.Store.Case(ctx, ref)
	if err != nil {
		return pack, err
	}
	account, err := a.account(ctx, ref)
	if err != nil {
		return pack, err
	}
	zone, err := zoneOf(c)
	if err != nil {
		return pack, err
	}
	pack = export.Package{CaseID: ref.ID(), Lang: or(account.Lang, c.Lang), Company: a.Map.Company, GeneratedAt: reviewed(review).In(zone),
		Facts: export.Facts{ReceivedAt: c.ReceivedAt, Installation: a.Keys.Installation(), Signer: a.Keys.PublicKey()}}
	parts, err := a.Store.Parts(ctx, ref)
	if err != nil {
		return pack, err
	}
	left, err := a.partial(ctx, ref)
	if err != nil {
		return pack, err
	}
	over := a.answerMap(c)
	pack.Schemas, pack.NoData = c.Kind == dsr.Portability, c.Scope == dsr.ScopeCategories
	counts, err := a.countsOf(ctx, c)
	if err != nil {
		return pack, err
	}
	if err := a.packDisclosed(ctx, c, account, review, &pack); err != nil {
		return pack, err
	}
	found, err := a.Store.Counts(ctx, ref)
	if err != nil {
		return pack, err
	}
	search := subject.Search{Map: over, Account: account, Without: left}
	hanging, err := search.LeftOut()
	if err != nil {
		return pack, err
	}
	refused, err := a.withheld(ctx, ref)
	if err != nil {
		return pack, err
	}
	mapped := map[string]bool{}
	for _, s := range search.Steps() {
		for _, name := range s.Collections {
			mapped[s.System+"."+name] = true
		}
	}
	hands, err := a.byHand(ctx, ref, datamap.RightAccess)
	if err != nil {
		return pack, err
	}
	for _, sys := range over.Systems {
		asked := sys.Outside != nil
		if asked && pack.NoData || asked && !slices.Contains(sys.Outside.Rights, datamap.RightAccess) {
			continue
		}
		if slices.Contains(left, sys.Name) {
			pack.Facts.Missing = append(pack.Facts.Missing, export.Missing{Title: sys.Title, Reason: notAnswered})
			continue
		}
		if asked {
			files, err := a.attached(sys, hands)
			if err != nil {
				return pack, err
			}
			pack.Files = append(pack.Files, files...)
		}
		for _, coll := range sys.Collections {
			if mapped[coll.ID()] && heldElsewhere(coll, found) {
				pack.Facts.Missing = append(pack.Facts.Missing, export.Missing{Title: within(sys, coll), Reason: forCustomer(coll.ProcessedFor)})
			}
			if !mapped[coll.ID()] || !coll.Shows() {
				continue
			}
			if i := slices.IndexFunc(refused, func(w withheld) bool { return w.collection == coll }); i >= 0 {
				reason, err := a.reasonOf(ctx, refused[i])
				if err != nil {
					return pack, err
				}
				pack.Facts.Missing = append(pack.Facts.Missing, export.Missing{Title: within(sys, coll), Reason: reason})
				continue
			}
			if n, counted := counts[coll.ID()]; counted {
				pack.Entries = append(pack.Entries, export.Entry{Collection: coll, JSON: export.PartSource{Info: export.PartInfo{Rows: n}}})
				continue
			}
			entry, ok := entryOf(coll, parts, review.Choices)
			if !ok && slices.Contains(hanging, coll.ID()) {
				pack.Facts.Missing = append(pack.Facts.Missing, export.Missing{Title: within(sys, coll), Reason: notReached})
				continue
			}
			if !ok {
				return pack, fault.Newf(contract.ErrNotApproved, "%s was not collected, and nobody has signed to leave it out", coll.ID())
			}
			pack.Entries = append(pack.Entries, entry)
		}
	}
	return pack, a.whole(ctx, review, parts, left, refused, pack)
}

var notAnswered = datamap.Text{
	ZH: "该系统在办理期限内未能答复，经工作人员审批后未纳入本副本",
	EN: "This system could not answer in time; a member of staff decided to go on without it",
}

var notReached = datamap.Text{
	ZH: "这部分内容须经由另一个未能答复的系统才能查到，因此未纳入本副本",
	EN: "This part can only be found through another system, which could not answer in time",
}

// within is the title of a collection with that of its system.
func within(sys *datamap.System, coll *datamap.Collection) datamap.Text {
	join := func(lang string) string { return sys.Title.In(lang) + " – " + coll.Title.In(lang) }
	return datamap.Text{ZH: join("zh"), EN: join("en")}
}

// whole refuses a package that is not what the reviewer saw: a part that was collected and that the
// data map has no more, or another part than was shown.
func (a *Activities) whole(ctx context.Context, review casefile.Task, parts []casefile.Part, left []string, refused []withheld, pack export.Package) error {
	packed := map[string]bool{}
	for _, e := range pack.Entries {
		packed[e.Collection.ID()] = true
	}
	for _, p := range parts {
		if id := p.System + "." + p.Collection; !packed[id] && !slices.Contains(left, p.System) && !isWithheld(refused, id) {
			return fault.Newf(contract.ErrMapMismatch, "%s was collected, and the data map has it no more", id)
		}
	}
	raw, err := a.Store.Shown(ctx, review.ID)
	if err != nil {
		return err
	}
	shown, err := dsr.ReadShown(raw)
	if err != nil {
		return err
	}
	now := dsr.Shown{Ref: shown.Ref}
	if err := a.showFound(ctx, &now); err != nil {
		return err
	}
	if !reflect.DeepEqual(shown.Collections, now.Collections) || !reflect.DeepEqual(shown.Withheld, now.Withheld) {
		return fault.Newf(contract.ErrNotApproved, "what was reviewed in task %s is not what was collected", review.ID)
	}
	return nil
}

func entryOf(coll *datamap.Collection, parts []casefile.Part, choices map[string]string) (export.Entry, bool) {
	entry := export.Entry{Collection: coll, Choices: map[string]string{}}
	formats := 0
	for _, p := range parts {
		if p.System != coll.System.Name || p.Collection != coll.Name {
			continue
		}
		source := export.PartSource{Name: p.Blob, Info: export.PartInfo{
			Rows: p.Rows, Size: p.Size, Deflated: p.Deflated, CRC32: p.CRC32, SHA256: p.SHA256}}
		switch p.Format {
		case "json":
			entry.JSON = source
		case "csv":
			entry.CSV = source
		}
		formats++
	}
	for key, choice := range choices {
		if column, ok := strings.CutPrefix(key, coll.ID()+"."); ok {
			entry.Choices[column] = choice
		}
	}
	return entry, formats == 2
}

func partBytes(p export.Package) (n int64) {
	for _, e := range p.Entries {
		n += e.JSON.Info.Deflated + e.CSV.Info.Deflated
	}
	for _, f := range p.Files {
		n += f.Source.Info.Deflated
	}
	return n
}

// zoneOf is the time zone of the case's law: the letters and the package's pages tell times in it.
func zoneOf(c casefile.Case) (*time.Location, error) {
	profile, err := jurisdiction.Find(c.Laws[0])
	if err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(profile.Zone)
	if err != nil {
		return nil, fault.New(contract.ErrInternal, "the time zone of the case's law is not known here", err)
	}
	return zone, nil
}

func reviewed(t casefile.Task) time.Time {
	if t.DoneAt == nil {
		return t.OpenedAt
	}
	return *t.DoneAt
}

// Release lets the package go to the person. It cannot be taken back, so everything behind it is
// checked here: the person proved who they are, and an approver who is not the opener signed over
// the hash of this very manifest.
func (a *Activities) Release(ctx context.Context, in contract.TaskInput) (contract.ReleaseResult, error) {
	if err := a.verified(ctx, in.Ref); err != nil {
		return contract.ReleaseResult{}, err
	}
	// The package that the approver saw was put together before a refusal that came since.
	task, err := a.Store.Task(ctx, in.Task)
	if err != nil {
		return contract.ReleaseResult{}, err
	}
	if changed, err := a.stale(ctx, task); err != nil || changed {
		return contract.ReleaseResult{}, cmp.Or(err, error(fault.Newf(contract.ErrNotApproved, "a part of %s was refused after task %s was opened", in.Ref, in.Task)))
	}
	p, err := a.Store.ReleasePackage(ctx, in.Ref, in.Task, a.Config.PackageTTL, a.Pins)
	if err != nil {
		return contract.ReleaseResult{}, err
	}
	return contract.ReleaseResult{ExpiresAt: *p.ExpiresAt}, nil
}

// ConfirmFetched says whether the casefile knows that the package was downloaded whole.
func (a *Activities) ConfirmFetched(ctx context.Context, in contract.RefInput) (contract.ConfirmResult, error) {
	p, err := a.Store.Package(ctx, in.Ref)
	return contract.ConfirmResult{True: err == nil && p.FetchedAt != nil}, err
}

// WipeCopy deletes the parts and the package of a copy that was fetched, or whose time is over, where the
// case goes on with a deletion. It may run twice.
func (a *Activities) WipeCopy(ctx context.Context, in contract.RefInput) (contract.Nothing, error) {
	if err := a.answered(ctx, in.Ref); err != nil {
		return contract.Nothing{}, err
	}
	var gone atomic.Int64
	progress(ctx, &gone, 0)
	if err := a.Blobs.DeleteAll(ctx, string(in.Ref)); err != nil {
		return contract.Nothing{}, err
	}
	return contract.Nothing{}, a.Store.MarkCopyWiped(ctx, in.Ref)
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
