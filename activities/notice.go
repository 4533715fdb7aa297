package activities

import (
	"context"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"filippo.io/age"

	"github.com/habeas-dsr/habeas/internal/announce"
	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/incident"
	"github.com/habeas-dsr/habeas/internal/subject"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// house is who speaks in a notice.
func (a *Activities) house() announce.House {
	return announce.House{Company: a.Map.Company, PortalHost: portalHost(a.Config.PortalURL), Laws: a.Laws}
}

// incident opens a notice and its file.
func (a *Activities) incident(ctx context.Context, ref contract.Ref) (casefile.Notice, incident.File, error) {
	n, err := a.Store.Notice(ctx, ref)
	if err != nil {
		return n, incident.File{}, err
	}
	raw, err := a.Store.NoticeFile(ctx, ref)
	if err != nil {
		return n, incident.File{}, err
	}
	f, err := announce.ReadFile(raw)
	return n, f, err
}

// BeginNotice marks the notice as started and tells the workflow what it must know of it.
func (a *Activities) BeginNotice(ctx context.Context, in contract.RefInput) (contract.NoticeFacts, error) {
	var facts contract.NoticeFacts
	n, f, err := a.incident(ctx, in.Ref)
	if err != nil {
		return facts, err
	}
	if err := a.Store.MarkStarted(ctx, in.Ref); err != nil {
		return facts, err
	}
	facts = contract.NoticeFacts{
		Kind: n.Kind, Exercise: n.Exercise, Laws: n.Laws, DueAt: n.DueAt, Version: hex.EncodeToString(n.FileHash[:4]),
		Missing: len(f.Checklist(a.Laws, a.Map.Company.Languages)), Unneeded: f.Unneeded != nil, Counsel: f.Kind == incident.PolicyChange, Canaries: len(f.Canaries) > 0,
		Waves: len(f.Pace.Waves), Steps: f.Ladder.Steps, After: f.Ladder.After, Aborted: n.AbortedAt != nil, Paused: n.Paused != "",
	}
	for i, s := range f.Scopes {
		if s.CSV != "" {
			facts.Hops = append(facts.Hops, contract.NoticeHop{Scope: i})
			continue
		}
		hops, err := a.audience(ctx, in.Ref, s).Hops()
		if err != nil {
			return facts, err
		}
		for k, h := range hops {
			facts.Hops = append(facts.Hops, contract.NoticeHop{Scope: i, Hop: k, System: h.System})
		}
	}
	err = a.noticeClocks(ctx, in.Ref, f, &facts)
	return facts, err
}

// ProjectNotice writes the projection of the notice's state for lists.
func (a *Activities) ProjectNotice(ctx context.Context, in contract.Progress) (contract.Nothing, error) {
	return contract.Nothing{}, a.Store.SetNoticeProgress(ctx, in.Ref, in.State, in.WaitingOn)
}

func (a *Activities) audience(ctx context.Context, ref contract.Ref, s incident.Scope) subject.Audience {
	out := subject.Audience{Map: a.Map, Where: s.Where, Keys: a.Store.KeyStore(ref), Open: a.opener(ctx)}
	if system := a.Map.System(s.System); system != nil {
		out.Collection = system.Collection(s.Collection)
	}
	if out.Collection == nil { // the map has changed since the file was read
		out.Collection = &datamap.Collection{System: &datamap.System{Name: s.System}, Name: s.Collection}
	}
	return out
}

// FindConcerned makes one hop on the way to who is concerned. A list that is frozen stays as it is.
func (a *Activities) FindConcerned(ctx context.Context, in contract.FindConcernedInput) (contract.FindConcernedResult, error) {
	var out contract.FindConcernedResult
	n, f, err := a.incident(ctx, in.Ref)
	if err != nil || n.FrozenAt != nil {
		return out, err
	}
	if in.Hop.Scope < 0 || in.Hop.Scope >= len(f.Scopes) {
		return out, fault.Newf(contract.ErrNotApproved, "%s: the file has no such scope", in.Ref)
	}
	audience := a.audience(systems.WithRef(ctx, in.Ref), in.Ref, f.Scopes[in.Hop.Scope])
	hops, err := audience.Hops()
	if err != nil {
		return out, err
	}
	if in.Hop.Hop < 0 || in.Hop.Hop >= len(hops) || hops[in.Hop.Hop].System != in.Hop.System {
		return out, fault.Newf(contract.ErrNotApproved, "%s: the file has no such hop", in.Ref)
	}
	if err := a.Store.ClearConcerned(ctx, in.Ref, in.Hop.Scope, in.Hop.Hop); err != nil {
		return out, err
	}
	var found atomic.Int64
	progress(ctx, &found, 0)
	err = audience.Visit(systems.WithRef(ctx, in.Ref), hops[in.Hop.Hop], func(people []subject.Concerned) error {
		list := make([]casefile.Addressee, len(people))
		for i, p := range people {
			list[i] = a.addressee(p)
		}
		nobody, err := a.Store.AddConcerned(ctx, in.Ref, in.Hop.Scope, in.Hop.Hop, list)
		found.Add(int64(len(list) - nobody))
		return err
	})
	out.Found = found.Load()
	if err == nil && in.Hop.Hop == 0 {
		out.Loose, err = audience.Loose(systems.WithRef(ctx, in.Ref))
	}
	return out, err
}

// addressee reads what a notice needs of a directory row.
func (a *Activities) addressee(p subject.Concerned) casefile.Addressee {
	out := casefile.Addressee{Lang: p.Account.Lang, Postal: p.Postal}
	if p.Account.System != "" {
		out.Account = p.Account.System + "." + p.Account.Collection + "/" + strings.Join(p.Account.Key, "\x1f")
	}
	if p.Account.Name != "" {
		out.Who = dsr.Mask("account", p.Account.Name)
	}
	if !slices.Contains(a.Map.Company.Languages, out.Lang) {
		out.Lang = a.Map.Company.Languages[0]
	}
	for _, c := range p.Account.Channels {
		switch {
		case c.Kind == "email" && out.Email == "":
			out.Email = c.Address
		case c.Kind == "mobile" && out.Mobile == "":
			out.Mobile = c.Address
		}
	}
	if loosely, err := datamap.Normalise("email", out.Email); err == nil {
		out.Loosely = loosely
	} else if out.Account != "" {
		out.Email = "" // what is no address reaches nobody: the ladder does
	}
	return out
}

// CSVBlob is where the people of a scope's CSV lie, encrypted to the notice's key.
func CSVBlob(ref contract.Ref, scope int) string { return folder(ref) + "csv-" + strconv.Itoa(scope) }

// ReadConcerned reads the people of a CSV.
func (a *Activities) ReadConcerned(ctx context.Context, in contract.FindConcernedInput) (contract.FindConcernedResult, error) {
	var out contract.FindConcernedResult
	n, f, err := a.incident(ctx, in.Ref)
	if err != nil || n.FrozenAt != nil {
		return out, err
	}
	if in.Hop.Scope < 0 || in.Hop.Scope >= len(f.Scopes) || f.Scopes[in.Hop.Scope].CSV == "" {
		return out, fault.Newf(contract.ErrNotApproved, "%s: the file has no such CSV", in.Ref)
	}
	if err := a.Store.ClearConcerned(ctx, in.Ref, in.Hop.Scope, 0); err != nil {
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
	sealed, err := a.Blobs.Open(ctx, CSVBlob(in.Ref, in.Hop.Scope))
	if err != nil {
		return out, err
	}
	defer func() { _ = sealed.Close() }()
	plain, err := age.Decrypt(sealed, identity)
	if err != nil {
		return out, fault.New(contract.ErrTampered, "the CSV of "+in.Ref.String()+" does not open with its key", err)
	}
	var found atomic.Int64
	progress(ctx, &found, 0)
	err = a.eachPerson(plain, func(list []casefile.Addressee) error {
		nobody, err := a.Store.AddConcerned(ctx, in.Ref, in.Hop.Scope, 0, list)
		found.Add(int64(len(list) - nobody))
		out.Loose += int64(nobody)
		return err
	})
	out.Found = found.Load()
	return out, err
}

func (a *Activities) eachPerson(r io.Reader, yield func([]casefile.Addressee) error) error {
	rows := csv.NewReader(r)
	rows.ReuseRecord = true
	head, err := rows.Read()
	if err != nil {
		return fault.New(contract.ErrBadInput, "the CSV of the people concerned has no head", nil)
	}
	head = slices.Clone(head)
	head[0] = strings.TrimPrefix(head[0], "\ufeff")
	var page []casefile.Addressee
	for line := 2; ; line++ {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			if len(page) == 0 {
				return nil
			}
			return yield(page)
		}
		if err != nil {
			return fault.Newf(contract.ErrBadInput, "line %d of the CSV of the people concerned cannot be read", line)
		}
		p := subject.Concerned{}
		who := ""
		for i, cell := range row {
			cell = strings.TrimSpace(cell)
			switch {
			case cell == "":
			case head[i] == "email" || head[i] == "mobile":
				p.Account.Channels = append(p.Account.Channels, subject.Channel{Kind: head[i], Address: cell})
			case head[i] == "lang":
				p.Account.Lang = cell
			case head[i] == "postal":
				p.Postal = cell
			case head[i] == "who":
				who = cell
			}
		}
		one := a.addressee(p)
		if one.Who = dsr.Mask("account", who); who == "" {
			one.Who = ""
		}
		if one.Email == "" && one.Mobile != "" {
			one.Account = "csv/" + one.Mobile
		}
		if page = append(page, one); len(page) == 1000 {
			if err := yield(page); err != nil {
				return err
			}
			page = nil
		}
	}
}

// FreezeList makes the list that is sent to out of whom the hops found.
func (a *Activities) FreezeList(ctx context.Context, in contract.FreezeInput) (contract.FreezeResult, error) {
	var out contract.FreezeResult
	n, f, err := a.incident(ctx, in.Ref)
	if err != nil {
		return out, err
	}
	var done atomic.Int64
	progress(ctx, &done, 1)
	frozen, err := a.Store.Freeze(ctx, in.Ref, f.Pace.Waves, in.Loose, n.FileHash)
	if err != nil {
		return out, err
	}
	sizes, err := a.Store.WaveSizes(ctx, in.Ref)
	if err != nil {
		return out, err
	}
	out.People, out.Mail = frozen.People, frozen.Mail
	for wave := 1; wave <= len(f.Pace.Waves); wave++ {
		out.Waves = append(out.Waves, sizes[wave])
	}
	return out, nil
}
