package desk

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"filippo.io/age"

	"github.com/habeas-dsr/habeas/internal/announce"
	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/incident"
	"github.com/habeas-dsr/habeas/internal/seal"
)

// maxIncident is the most that an incident file may have, in bytes.
const maxIncident = 1 << 20

// csvColumns are the columns that a CSV of people may have; one of the first two must stand there.
var csvColumns = []string{"email", "mobile", "lang", "postal", "who"}

// ReadIncident reads an incident file from disk and holds it against the kind that was asked for.
func (d *Desk) ReadIncident(path, kind string) (incident.File, error) {
	file, err := os.Open(path)
	if err != nil {
		return incident.File{}, fault.New(contract.ErrBadInput, "the incident file cannot be read: "+path, err)
	}
	defer func() { _ = file.Close() }()
	raw, err := io.ReadAll(io.LimitReader(file, maxIncident+1))
	if err != nil || len(raw) > maxIncident {
		return incident.File{}, fault.Newf(contract.ErrBadInput, "the incident file cannot be read, or is larger than %d KiB: %s", maxIncident>>10, path)
	}
	return d.ParseIncident(path, raw, kind)
}

// ParseIncident reads an incident that stands in a file of that name, or came by flags under a name
// that is no file, and holds it against the kind that was asked for. A CSV lies beside the file.
func (d *Desk) ParseIncident(path string, raw []byte, kind string) (incident.File, error) {
	f, err := incident.Read(path, raw, d.Map)
	if err != nil {
		return f, err
	}
	if kind != "" && string(f.Kind) != kind {
		return f, fault.Newf(contract.ErrBadInput, "%s is a %s and not a %s", path, f.Kind, kind).WithHint("habeas notice open " + string(f.Kind) + " " + path)
	}
	if f.Kind == incident.Breach && f.AwareAt.After(d.Now()) {
		return f, fault.Newf(contract.ErrBadInput, "%s: aware_at is in the future", path)
	}
	for i, s := range f.Scopes {
		if s.CSV == "" {
			continue
		}
		if !filepath.IsAbs(s.CSV) {
			s.CSV = filepath.Join(filepath.Dir(path), s.CSV)
		}
		if err := checkCSV(s.CSV); err != nil {
			return f, err
		}
		f.Scopes[i].CSV = s.CSV
	}
	return f, nil
}

// checkCSV refuses a CSV whose head or shape is wrong, before anything is opened.
func checkCSV(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return fault.New(contract.ErrBadInput, "the CSV of the people concerned cannot be read: "+path, err)
	}
	defer func() { _ = file.Close() }()
	rows := csv.NewReader(file)
	rows.ReuseRecord = true
	head, err := rows.Read()
	if err != nil {
		return fault.New(contract.ErrBadInput, path+" has no head", nil).WithHint("its first line names the columns: " + strings.Join(csvColumns, ","))
	}
	head = slices.Clone(head)
	head[0] = strings.TrimPrefix(head[0], "\ufeff")
	for _, name := range head {
		if !slices.Contains(csvColumns, name) {
			return fault.Newf(contract.ErrBadInput, "%s: unknown column %q", path, name).WithHint("the columns are " + strings.Join(csvColumns, ", "))
		}
	}
	if !slices.Contains(head, "email") && !slices.Contains(head, "mobile") {
		return fault.Newf(contract.ErrBadInput, "%s has neither a column email nor mobile", path)
	}
	for line := 2; ; line++ {
		if _, err := rows.Read(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fault.Newf(contract.ErrBadInput, "%s: line %d is not like its head", path, line)
		}
	}
}

// OpenNotice writes a notice and starts its workflow. When the start fails the notice is there all
// the same: the reconciler starts it within a minute, and the error says so.
func (d *Desk) OpenNotice(ctx context.Context, f incident.File, by string) (contract.Ref, error) {
	raw, err := json.Marshal(f)
	if err != nil {
		return "", fmt.Errorf("writing an incident file: %w", err)
	}
	due, err := incident.Due(d.Laws, f, d.Now())
	if err != nil {
		return "", err
	}
	ref, err := d.Store.CreateNotice(ctx, casefile.NewNotice{
		Kind: string(f.Kind), Exercise: f.Exercise, Laws: f.Laws, OpenedBy: by, AwareAt: f.AwareAt, DueAt: due,
		MapHash: d.Map.Hash, File: raw, Rate: f.Pace.Rate, PerGroup: f.Pace.PerDomain,
	})
	if err != nil {
		return "", err
	}
	for i, s := range f.Scopes {
		if s.CSV == "" {
			continue
		}
		if err := d.keepCSV(ctx, ref, i, s.CSV); err != nil {
			return ref, err
		}
	}
	if err := d.start(ctx, ref, ""); err != nil {
		return ref, fault.New(contract.ErrUnavailable, "the notice "+ref.ID()+" is written, but its workflow did not start", err).
			WithHint("nothing is lost: it is started within a minute once Temporal and a worker are up")
	}
	return ref, nil
}

// keepCSV puts a CSV into the blob store, encrypted to the notice's key.
func (d *Desk) keepCSV(ctx context.Context, ref contract.Ref, scope int, path string) error {
	key, err := d.Store.Key(ctx, ref)
	if err != nil {
		return err
	}
	identity, err := key.Age()
	if err != nil {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		return fault.New(contract.ErrBadInput, "the CSV of the people concerned cannot be read: "+path, err)
	}
	defer func() { _ = file.Close() }()
	_, err = d.Blobs.Put(ctx, fmt.Sprintf("%s/csv-%d", ref, scope), func(w io.Writer) error {
		sealed, err := age.Encrypt(w, identity.Recipient())
		if err == nil {
			_, err = io.Copy(sealed, file)
		}
		if err == nil {
			err = sealed.Close()
		}
		return err
	})
	return err
}

// AmendNotice replaces the file of a notice that is not over. What was approved is approved anew.
func (d *Desk) AmendNotice(ctx context.Context, id string, f incident.File, by string) error {
	ref := contract.NewRef(contract.KindNotice, id)
	n, err := d.Store.Notice(ctx, ref)
	if err != nil {
		return err
	}
	before, err := d.incident(ctx, ref)
	if err != nil {
		return err
	}
	switch {
	case string(f.Kind) != n.Kind || f.Exercise != n.Exercise:
		return fault.Newf(contract.ErrBadInput, "a notice keeps its kind, and an exercise stays one").WithHint("open another notice")
	case n.AwareAt != nil && !n.AwareAt.Equal(f.AwareAt):
		return fault.Newf(contract.ErrBadInput, "aware_at is what the authorities' clocks run from, and stays as it was")
	case n.FrozenAt != nil && !sameScopes(before, f):
		return fault.Newf(contract.ErrBadInput, "the list is frozen: who is concerned stays as it was").WithHint("open a second notice for the others")
	}
	raw, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("writing an incident file: %w", err)
	}
	if err := d.Store.AmendNotice(ctx, ref, raw, by); err != nil {
		return err
	}
	return d.temporalError(d.Temporal.SignalWorkflow(ctx, string(ref), "", contract.Amended.Name, contract.Nothing{}))
}

func sameScopes(a, b incident.File) bool {
	bare := func(f incident.File) []byte {
		var scopes []incident.Scope
		for _, s := range f.Scopes {
			s.Categories = nil
			scopes = append(scopes, s)
		}
		raw, _ := json.Marshal([]any{scopes, f.Pace.Waves})
		return raw
	}
	return bytes.Equal(bare(a), bare(b))
}

func (d *Desk) incident(ctx context.Context, ref contract.Ref) (incident.File, error) {
	raw, err := d.Store.NoticeFile(ctx, ref)
	if err != nil {
		return incident.File{}, err
	}
	return announce.ReadFile(raw)
}

// NoticeView is everything that staff see of a notice without opening a seal.
type NoticeView struct {
	casefile.Notice
	Tally   casefile.Tally         `json:"tally"`
	Clocks  []casefile.NoticeClock `json:"clocks"`
	Tasks   []casefile.Task        `json:"tasks"`
	Missing []string               `json:"missing"`
}

// ShowNotice puts together what is known of a notice.
func (d *Desk) ShowNotice(ctx context.Context, ref contract.Ref) (NoticeView, error) {
	v := NoticeView{Missing: []string{}}
	var err error
	if v.Notice, err = d.Store.Notice(ctx, ref); err != nil {
		return v, err
	}
	if v.Tally, err = d.Store.Tally(ctx, ref); err != nil {
		return v, err
	}
	if v.Clocks, err = d.Store.Clocks(ctx, ref); err != nil {
		return v, err
	}
	if v.Tasks, err = d.Store.ListTasks(ctx, casefile.TaskFilter{Ref: ref}); err != nil {
		return v, err
	}
	f, err := d.incident(ctx, ref)
	for _, m := range f.Checklist(d.Laws, d.Map.Company.Languages) {
		v.Missing = append(v.Missing, m.String())
	}
	return v, err
}

// ControlNotice asks for a control and signs it: pause, resume, set-rate or abort.
func (d *Desk) ControlNotice(ctx context.Context, ref contract.Ref, action string, rate int, reason string, key seal.StaffKey) (contract.DecideResult, error) {
	n, err := d.Store.Notice(ctx, ref)
	if err != nil {
		return contract.DecideResult{}, err
	}
	if n.AbortedAt != nil || n.State == casefile.NoticeClosed {
		return contract.DecideResult{}, fault.Newf(contract.ErrNotOpen, "notice %s is over", ref.ID())
	}
	nonce := rand.Text()[:8]
	task, err := update(ctx, d, ref, contract.AskControl, "control/"+nonce, contract.AskControlInput{Action: action, Rate: rate, Nonce: nonce})
	if err != nil {
		return contract.DecideResult{}, err
	}
	// Whoever signs sees what it is: the answer of a stranger on Temporal is no task of ours.
	shown, err := d.Task(ctx, task.Task)
	if err != nil {
		return contract.DecideResult{}, err
	}
	if s := shown.Shown.Notice; shown.Ref != ref || shown.Kind != dsr.TaskNoticeControl || s == nil || s.Action != action || s.Rate != rate {
		return contract.DecideResult{}, fault.Newf(contract.ErrTampered, "task %s is not the control that was asked for; nothing was signed", task.Task)
	}
	return d.Decide(ctx, task.Task, dsr.Approve, reason, key)
}

// DraftReport asks an authority's clock for its report before half of the time is over.
func (d *Desk) DraftReport(ctx context.Context, ref contract.Ref, authority string) error {
	if _, err := d.Store.Clock(ctx, ref, authority); err != nil {
		return err
	}
	return d.temporalError(d.Temporal.SignalWorkflow(ctx, string(ref)+"/clock/"+authority, "", contract.DraftNow.Name, contract.Nothing{}))
}

// Noticed is what the portal says of a check code that is right.
type Noticed struct {
	Kind     string
	Exercise bool
}

// CheckNotice says whether a check code stands in a letter of that notice. A wrong code and an
// unknown notice look the same.
func (d *Desk) CheckNotice(ctx context.Context, id, code string) (Noticed, bool, error) {
	known, _, ok, err := d.reader(ctx, id, code)
	if err != nil || !ok {
		return Noticed{}, false, err
	}
	return Noticed{Kind: known.Kind, Exercise: known.Exercise}, true, nil
}
