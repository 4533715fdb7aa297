package endtoend

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/demo"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
	"github.com/habeas-dsr/habeas/internal/export"
	"github.com/habeas-dsr/habeas/internal/subject"
)

// asking is one person who asks, and how.
type asking struct {
	name    string
	who     example.Person
	by      []string // what the request names: account, email, mobile
	said    string   // the language that the request came in; the directory's wins
	lang    string   // the language of the answer
	rows    int      // how many directory rows the request fits; more than one needs a reviewer
	columns string   // what the reviewer does with columns that may speak of others
}

// Everybody gets all of theirs and nothing of anybody else, however awkward their place in the
// directory is.
func TestPackages(t *testing.T) {
	c := common(t)
	cast := example.Cast()
	for _, row := range [][]asking{
		{{"plain", cast.Plain, []string{"account"}, "en", "zh", 1, dsr.ChoiceKeep}},
		{{"English speaker", cast.English, []string{"account", "email"}, "zh", "en", 1, dsr.ChoiceDrop}},
		{ // one after the other: their download codes come to one telephone
			{"shared mobile, by it alone", cast.SharedMobileA, []string{"mobile"}, "zh", "zh", 2, dsr.ChoiceMask},
			{"shared mobile, with the account", cast.SharedMobileB, []string{"mobile", "account"}, "zh", "zh", 1, dsr.ChoiceMask},
		},
		{{"twin e-mail", cast.CaseTwinA, []string{"email"}, "en", "en", 2, dsr.ChoiceMask}},
		{{"twin e-mail in other letters", cast.CaseTwinB, []string{"email"}, "zh", "en", 2, dsr.ChoiceMask}},
		{{"no e-mail", cast.NoEmail, []string{"mobile"}, "zh", "zh", 1, dsr.ChoiceMask}},
		{{"no data", cast.NoData, []string{"email"}, "zh", "zh", 1, dsr.ChoiceMask}},
		{ // one after the other: they have one mailbox
			{"account, and contact elsewhere", cast.AlsoContact, []string{"email"}, "zh", "zh", 2, dsr.ChoiceMask},
			{"contact, and account elsewhere", cast.AlsoUser, []string{"mobile"}, "en", "en", 1, dsr.ChoiceKeep},
		},
		{{"contact", cast.Contact, []string{"email"}, "zh", "zh", 1, dsr.ChoiceKeep}},
		{{"many rows", cast.Heavy, []string{"account", "email", "mobile"}, "zh", "zh", 1, dsr.ChoiceDrop}},
	} {
		t.Run(row[0].name, func(t *testing.T) {
			t.Parallel()
			for _, a := range row {
				p := &parcel{t: t, asking: a}
				p.carry(c)
				p.check(c)
			}
		})
	}
}

// parcel is one package on its way, and what it holds.
type parcel struct {
	t *testing.T
	asking
	d     *desk.Desk
	ctx   context.Context
	ref   contract.Ref
	zip   []byte
	files map[string][]byte
}

// carry runs the case to its end, by the ways that staff and the person have.
func (p *parcel) carry(c *demo.Company) {
	p.t.Helper()
	p.ctx, p.d = deskOf(p.t, c)
	person := c.Person(p.who)
	p.must(person.ForgetUnread(p.ctx))
	o := desk.Opening{Lang: p.said}
	for _, kind := range p.by {
		o.Identities = append(o.Identities, dsr.Identity{Kind: kind, Value: map[string]string{
			"account": p.who.Login, "email": p.who.Email, "mobile": p.who.Mobile}[kind]})
	}
	var err error
	p.ref, err = c.Open(p.ctx, p.d, o)
	p.must(err)
	if p.rows > 1 {
		p.choose(c)
	}
	code, err := person.Code(p.ctx)
	p.must(err)
	p.must(person.Verify(p.ctx, p.ref.ID(), code))
	p.must(c.Review(p.ctx, p.d, p.ref, p.columns))
	p.must(c.Release(p.ctx, p.d, p.ref))
	p.must(demo.WaitState(p.ctx, p.d, p.ref, dsr.StateReady))
	var whole bytes.Buffer
	p.must(person.Download(p.ctx, p.ref.ID(), &whole))
	p.zip = whole.Bytes()
	p.must(demo.WaitState(p.ctx, p.d, p.ref, dsr.StateClosed))
}

// choose has the reviewer pick the row that is meant: nothing was sent to anybody before.
func (p *parcel) choose(c *demo.Company) {
	p.t.Helper()
	task, err := demo.WaitTask(p.ctx, p.d, p.ref, dsr.TaskChooseAccount)
	p.must(err)
	letters, err := p.d.Store.Letters(p.ctx, p.ref)
	p.must(err)
	if len(letters) > 0 {
		p.t.Errorf("%d letters went out before anybody knew whose case it is", len(letters))
	}
	candidates, chosen, err := p.d.Store.Accounts(p.ctx, p.ref)
	p.must(err)
	if len(candidates) != p.rows || chosen >= 0 {
		p.t.Fatalf("%d rows to choose from, number %d chosen; want %d and none", len(candidates), chosen, p.rows)
	}
	n := slices.IndexFunc(candidates, func(raw []byte) bool {
		var a subject.Account
		p.must(json.Unmarshal(raw, &a))
		return a.System+"."+a.Collection == p.who.Collection && slices.Equal(a.Key, []string{strconv.FormatInt(p.who.ID, 10)})
	})
	if n < 0 {
		p.t.Fatal("the person's own row is not among them")
	}
	_, err = p.d.Choose(p.ctx, task.ID, map[string]string{"account": strconv.Itoa(n)}, "bo")
	p.must(err)
	_, err = p.d.Decide(p.ctx, task.ID, dsr.Approve, "asked back by phone", c.Staff["bo"])
	p.must(err)
}

// check holds the package against what the tests' own oracle says is theirs.
func (p *parcel) check(c *demo.Company) {
	p.t.Helper()
	k, err := p.d.Store.Case(p.ctx, p.ref)
	p.must(err)
	if k.Outcome != dsr.Fulfilled {
		p.t.Errorf("outcome %q", k.Outcome)
	}
	letters, err := p.d.Store.Letters(p.ctx, p.ref)
	p.must(err)
	for _, l := range letters {
		if l.Lang != p.lang || l.State != "sent" {
			p.t.Errorf("letter %s in %q is %s, want it sent in %q", l.Template, l.Lang, l.State, p.lang)
		}
	}
	if err := export.VerifyPackage(bytes.NewReader(p.zip), int64(len(p.zip)), p.d.Keys.PublicKey()); err != nil {
		p.t.Fatal(err)
	}
	if left, _ := os.ReadDir(filepath.Join(c.Dir, "blobs", filepath.FromSlash(string(p.ref)))); len(left) > 0 {
		p.t.Errorf("%d blobs are left of a closed case", len(left))
	}
	p.files = unzip(p.t, p.zip)
	want, err := example.ExpectedContact(p.ctx, c.Stack.LoadDSNs(), p.who.ID)
	if p.who.Login != "" {
		want, err = example.Expected(p.ctx, c.Stack.LoadDSNs(), p.who.Login)
	}
	p.must(err)
	for _, s := range p.d.Map.Systems {
		for _, collection := range s.Collections {
			p.collection(collection, want[collection.ID()])
		}
	}
	p.page()
	p.nobodyElse(want)
}

// unzip reads every file of a package.
func unzip(t *testing.T, raw []byte) map[string][]byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name], err = io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// page looks at index.html as a browser would: the right language, and nothing from elsewhere.
func (p *parcel) page() {
	p.t.Helper()
	page := string(p.files["index.html"])
	for _, want := range map[string][]string{
		"zh": {`lang="zh-CN"`, "您的个人信息副本"}, "en": {`lang="en"`, "Your personal data"},
	}[p.lang] {
		if !strings.Contains(page, want) {
			p.t.Errorf("index.html does not say %q", want)
		}
	}
	for _, never := range []string{"<script", "src=", "@import", `href="http`, `href="//`} {
		if strings.Contains(page, never) {
			p.t.Errorf("index.html has %q", never)
		}
	}
	if !strings.Contains(page, p.ref.ID()) {
		p.t.Error("index.html does not name the case")
	}
}

func (p *parcel) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
}
