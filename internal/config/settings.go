package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Config is what the programs are told.
type Config struct {
	DatabaseURL    string
	DataMap        string
	Laws           string
	LettersFolder  string
	LeadMail       string
	TaskPatience   time.Duration
	Keys           string
	Blobs          string
	Approvers      string
	SMTPURL        string
	SMTPSize       int
	ExerciseSMTP   string
	BounceListen   string
	BounceDomain   string
	BounceMailbox  string
	DKIMKey        string
	DKIMSelector   string
	SMSURL         string
	SMSSecretFile  string
	PortalURL      string
	PortalListen   string
	PortalProxies  []netip.Prefix
	UIURL          string
	MetricsListen  string
	ProfilesOff    bool
	StaffKey       string
	PassphraseFile string
	State          string
	Systems        []string
	LogLevel       string
	CodecOff       bool
	CodeDigits     int
	CodeMinutes    int
	CodeTries      int
	CodesPerHour   int
	VerifyWithin   time.Duration
	PackageTTL     time.Duration
	CoolOff        time.Duration
	EvidenceFor    time.Duration
	BuildID        string
	OpenDSR        string
}

// Setting is one environment variable.
type Setting struct {
	Name    string
	Default string
	Secret  bool   // never printed; may be given as @FILE
	Text    string // one sentence for the table in docs/configuration.md
	set     func(*Config, string) error
	get     func(*Config) string
}

// DSNPrefix and the upper-case name of a system ('-' as '_') make the variable with its address.
const DSNPrefix = "HABEAS_DSN_"

// Settings are all variables, in the order of the documentation.
var Settings = []Setting{
	text("HABEAS_DATABASE_URL", "", true, "address of the casefile's PostgreSQL", func(c *Config) *string { return &c.DatabaseURL }),
	text("HABEAS_DATAMAP", "", false, "folder with the data map and company.yaml", func(c *Config) *string { return &c.DataMap }),
	text("HABEAS_LAWS", "", false, "folder with laws and calendars of your own, which take the place of the embedded ones", func(c *Config) *string { return &c.Laws }),
	text("HABEAS_LETTERS", "", false, "folder with texts of letters of your own, which take the place of the embedded ones", func(c *Config) *string { return &c.LettersFolder }),
	text("HABEAS_KEYS", "", false, "folder with the installation's keys (`habeas keys init`)", func(c *Config) *string { return &c.Keys }),
	text("HABEAS_BLOBS", "", true, "where packages lie: a folder, or s3://KEY:SECRET@HOST/BUCKET", func(c *Config) *string { return &c.Blobs }),
	text("HABEAS_APPROVERS", "", false, "file with the first two approvers, one `NAME ROLE[,ROLE] PUBLIC-KEY` a line", func(c *Config) *string { return &c.Approvers }),
	text("HABEAS_SMTP_URL", "", true, "mail server: smtp://, smtps:// or smtp+starttls://USER:PASSWORD@HOST:PORT", func(c *Config) *string { return &c.SMTPURL }),
	number("HABEAS_SMTP_CONNECTIONS", "4", 1, 100, "connections to the mail server that are kept open", func(c *Config) *int { return &c.SMTPSize }),
	text("HABEAS_EXERCISE_SMTP_URL", "", true, "mail catcher that takes the letters of exercises; without it there are none", func(c *Config) *string { return &c.ExerciseSMTP }),
	text("HABEAS_BOUNCE_LISTEN", "", false, "where the worker takes bounces of mass notices back by SMTP, such as 127.0.0.1:2525; empty: nowhere", func(c *Config) *string { return &c.BounceListen }),
	text("HABEAS_BOUNCE_MAILBOX", "", false, "an mbox file or a Maildir in which bounces of mass notices arrive; read once a minute, never changed; empty: none", func(c *Config) *string { return &c.BounceMailbox }),
	text("HABEAS_BOUNCE_DOMAIN", "", false, "domain of the return paths of mass notices; default the domain of the company's From", func(c *Config) *string { return &c.BounceDomain }),
	text("HABEAS_OPENDSR", "", false, "file that says who we are to processors and controllers, and whom we trust; without it OpenDSR is not spoken", func(c *Config) *string { return &c.OpenDSR }),
	text("HABEAS_DKIM_KEY", "", false, "PEM file with the DKIM key; letters are signed when it is set", func(c *Config) *string { return &c.DKIMKey }),
	text("HABEAS_DKIM_SELECTOR", "habeas", false, "DKIM selector in DNS", func(c *Config) *string { return &c.DKIMSelector }),
	text("HABEAS_SMS_URL", "", true, "webhook that sends text messages", func(c *Config) *string { return &c.SMSURL }),
	text("HABEAS_SMS_SECRET_FILE", "", false, "file with the secret that signs calls to the SMS webhook", func(c *Config) *string { return &c.SMSSecretFile }),
	text("HABEAS_PORTAL_URL", "http://127.0.0.1:8480", false, "address of the portal as people type it", func(c *Config) *string { return &c.PortalURL }),
	text("HABEAS_PORTAL_LISTEN", "127.0.0.1:8480", false, "where `habeas serve` listens", func(c *Config) *string { return &c.PortalListen }),
	networks("HABEAS_PORTAL_PROXIES", "", "addresses or networks of the proxies in front of the portal, with commas: their X-Forwarded-For is believed, and nobody else's", func(c *Config) *[]netip.Prefix { return &c.PortalProxies }),
	text("HABEAS_UI_URL", "http://127.0.0.1:8233", false, "origin of the Temporal UI, which may call the codec endpoint", func(c *Config) *string { return &c.UIURL }),
	text("HABEAS_METRICS_LISTEN", "127.0.0.1:9464", false, "where the worker serves /metrics, /healthz and /readyz", func(c *Config) *string { return &c.MetricsListen }),
	onOff("HABEAS_PROFILES", "off", "on lets whoever reaches HABEAS_METRICS_LISTEN take profiles of the worker at /debug/pprof/profile and /debug/pprof/heap", func(c *Config) *bool { return &c.ProfilesOff }),
	text("HABEAS_STAFF_KEY", "", false, "file with your own signing key (`habeas keys new`)", func(c *Config) *string { return &c.StaffKey }),
	text("HABEAS_STAFF_PASSPHRASE_FILE", "", false, "file with the passphrase of your key, for scripts; people are asked", func(c *Config) *string { return &c.PassphraseFile }),
	text("HABEAS_STATE", "", false, "folder of the local stack; default /var/lib/habeas as root, the XDG state folder otherwise", func(c *Config) *string { return &c.State }),
	list("HABEAS_SYSTEMS", "", "systems that this worker reaches, with commas; all of the map when empty", func(c *Config) *[]string { return &c.Systems }),
	text("HABEAS_LOG_LEVEL", "info", false, "debug, info, warn or error", func(c *Config) *string { return &c.LogLevel }),
	onOff("HABEAS_CODEC", "on", "off leaves Temporal's payloads readable: for tests only", func(c *Config) *bool { return &c.CodecOff }),
	number("HABEAS_CODE_DIGITS", "6", 6, 18, "digits of a one-time code", func(c *Config) *int { return &c.CodeDigits }),
	number("HABEAS_CODE_MINUTES", "10", 1, 60, "minutes for which a one-time code holds", func(c *Config) *int { return &c.CodeMinutes }),
	number("HABEAS_CODE_TRIES", "5", 1, 10, "wrong tries after which a code is dead", func(c *Config) *int { return &c.CodeTries }),
	number("HABEAS_CODES_PER_HOUR", "3", 1, 20, "codes that a case may have in an hour, for one purpose", func(c *Config) *int { return &c.CodesPerHour }),
	duration("HABEAS_VERIFY_WITHIN", "14d", "a case is closed when nobody proved who they are within", func(c *Config) *time.Duration { return &c.VerifyWithin }),
	duration("HABEAS_PACKAGE_TTL", "7d", "how long a package may be fetched", func(c *Config) *time.Duration { return &c.PackageTTL }),
	text("HABEAS_LEAD_MAIL", "", false, "mailbox of the privacy lead, for the digest of what is due; the company's officer when that is an address", func(c *Config) *string { return &c.LeadMail }),
	duration("HABEAS_TASK_PATIENCE", "24h", "how long a task waits before its owner is reminded; after twice that the deputy is", func(c *Config) *time.Duration { return &c.TaskPatience }),
	duration("HABEAS_COOL_OFF", "72h", "how long a person may withdraw once a deletion is approved; 0s for none", func(c *Config) *time.Duration { return &c.CoolOff }),
	duration("HABEAS_EVIDENCE_FOR", "72h", "how long proofs for a correction, and what a representative has shown, are kept once it is decided", func(c *Config) *time.Duration { return &c.EvidenceFor }),
	text("HABEAS_BUILD_ID", "", false, "switches Temporal's worker versioning on, with this build id", func(c *Config) *string { return &c.BuildID }),
}

// Load reads every setting from getenv. Those in need must not be empty. A secret written @FILE is
// read from the file. Every error is a contract.ErrBadInput that names the variable.
func Load(getenv func(string) string, need ...string) (Config, error) {
	var c Config
	for _, s := range Settings {
		value := getenv(s.Name)
		if value == "" {
			value = s.Default
		}
		if file, ok := strings.CutPrefix(value, "@"); ok && s.Secret {
			raw, err := os.ReadFile(file)
			if err != nil {
				return c, fault.New(contract.ErrBadInput, s.Name+" names a file that cannot be read", err)
			}
			value = strings.TrimSpace(string(raw))
		}
		if err := s.set(&c, value); err != nil {
			return c, fault.New(contract.ErrBadInput, s.Name+": "+err.Error(), err)
		}
	}
	for _, name := range need {
		for _, s := range Settings {
			if s.Name == name && s.get(&c) == "" {
				return c, fault.Newf(contract.ErrBadInput, "%s is not set: %s", name, s.Text).
					WithHint("set it, or run `habeas stack up` and source the env.sh that it names")
			}
		}
	}
	return c, nil
}

// DSN is the address of a system, from getenv; @FILE is read from the file.
func DSN(getenv func(string) string, system string) (string, error) {
	name := DSNPrefix + strings.ToUpper(strings.ReplaceAll(system, "-", "_"))
	value := getenv(name)
	if file, ok := strings.CutPrefix(value, "@"); ok {
		raw, err := os.ReadFile(file)
		if err != nil {
			return "", fault.New(contract.ErrBadInput, name+" names a file that cannot be read", err)
		}
		value = strings.TrimSpace(string(raw))
	}
	if value == "" {
		return "", fault.Newf(contract.ErrBadInput, "%s is not set: the address of the system %q of the data map", name, system)
	}
	return value, nil
}

// Known says whether a variable is one of ours.
func Known(name string) bool {
	for _, s := range Settings {
		if s.Name == name {
			return true
		}
	}
	return strings.HasPrefix(name, DSNPrefix)
}

// Describe lists the effective values, one NAME=VALUE a line, secrets hidden.
func (c Config) Describe() []string {
	lines := make([]string, 0, len(Settings))
	for _, s := range Settings {
		value := s.get(&c)
		if s.Secret && value != "" {
			value = "(set)"
			if u, err := url.Parse(s.get(&c)); err == nil && u.Host != "" {
				value = u.Scheme + "://…@" + u.Host
			}
		}
		lines = append(lines, s.Name+"="+value)
	}
	return lines
}

// Duration reads a Go duration, or days as "14d".
func Duration(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil || n < 0 {
			return 0, fmt.Errorf("%q is not a length of time; write 14d, 36h or 10m", s)
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is not a length of time; write 14d, 36h or 10m", s)
	}
	return d, nil
}
