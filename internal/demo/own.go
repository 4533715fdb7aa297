package demo

import (
	"context"
	"slices"
	"strings"

	"github.com/habeas-dsr/habeas/internal/config"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/stack"
)

// servers are the settings that say where a server is. The others are the example company's own:
// its map, its keys, its staff.
var servers = []string{
	"HABEAS_DATABASE_URL", "HABEAS_BLOBS", "HABEAS_SMTP_URL", "HABEAS_EXERCISE_SMTP_URL", "HABEAS_SMS_URL", "HABEAS_SMS_SECRET_FILE",
	"HABEAS_DKIM_KEY", "HABEAS_DKIM_SELECTOR", "HABEAS_PORTAL_URL", "HABEAS_PORTAL_LISTEN", "HABEAS_METRICS_LISTEN", "HABEAS_UI_URL",
}

// Own picks from an environment (lines NAME=VALUE) what points the demo at servers of one's own.
func Own(environ []string) map[string]string {
	own := map[string]string{}
	for _, line := range environ {
		name, value, _ := strings.Cut(line, "=")
		ours := slices.Contains(servers, name) || strings.HasPrefix(name, config.DSNPrefix) || strings.HasPrefix(name, "TEMPORAL_")
		if ours && value != "" {
			own[name] = value
		}
	}
	return own
}

// ownMail says whether letters or short messages go where the demo cannot read them.
func (c *Company) ownMail() bool {
	return c.o.Env["HABEAS_SMTP_URL"] != "" || c.o.Env["HABEAS_SMS_URL"] != ""
}

// casefileURL is the casefile's database for whoever may migrate it.
func (c *Company) casefileURL() (string, error) {
	if c.o.Env["HABEAS_DATABASE_URL"] == "" {
		return c.Stack.DatabaseURL(stack.RoleOwner, stack.CasefileDatabase), nil
	}
	conf, err := config.Load(func(name string) string { return c.o.Env[name] })
	return conf.DatabaseURL, err
}

// LoadDSNs are the databases of the systems, for whoever fills them.
func (c *Company) LoadDSNs() (map[string]string, error) {
	dsns := c.Stack.LoadDSNs()
	for system := range dsns {
		if c.o.Env[stack.DSNVariable(system)] == "" {
			continue
		}
		dsn, err := config.DSN(func(name string) string { return c.o.Env[name] }, system)
		if err != nil {
			return nil, err
		}
		dsns[system] = dsn
	}
	return dsns, nil
}

// code is the code that a person reads in a letter or a short message. On a mail server of one's
// own nobody can read it for them: then the demo, which plays the company too, works it out from
// the company's keys.
func (c *Company) code(ctx context.Context, d *desk.Desk, p *Person, ref contract.Ref, purpose string) (string, error) {
	if !c.ownMail() {
		return p.Code(ctx)
	}
	var code string
	err := until(ctx, func() (bool, error) {
		challenge, err := d.Store.OpenChallenge(ctx, ref, purpose)
		if fault.Is(err, contract.ErrNotFound) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		code, err = d.Store.CodeOf(ctx, challenge)
		return err == nil, err
	})
	return code, err
}

// TemporalUI says where to watch the workflows.
func (c *Company) TemporalUI() string {
	switch {
	case c.o.Env["HABEAS_UI_URL"] != "":
		return c.o.Env["HABEAS_UI_URL"]
	case c.o.Env["TEMPORAL_ADDRESS"] != "":
		return "of the server at " + c.o.Env["TEMPORAL_ADDRESS"]
	}
	return c.Stack.TemporalUI()
}

// MailPage says where to read the letters.
func (c *Company) MailPage() string {
	if c.ownMail() {
		return "on the mail server of your own"
	}
	return c.Stack.MailPage()
}
