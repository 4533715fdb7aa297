package portal

import (
	"context"
	"io"
	"time"
)

// Desk is what the portal asks of the case desk. Case ids arrive as contract.ParseID returns
// them, purposes are dsr.CodeVerify, dsr.CodeStatus or dsr.CodeDownload, and codes are 4 to 18
// ASCII digits. Contexts have a time-out and outlive a person who closes the page, so that a try
// is counted in any case.
type Desk interface {
	// RequestCode asks that a one-time code be sent to a registered channel. It tells nothing:
	// not whether the case exists, not whether anything was sent.
	RequestCode(ctx context.Context, caseID, purpose string)
	// TryCode says whether the code is right, and spends it. A wrong code, one that has run out
	// and an unknown case are false without an error; an error means that nobody can tell now.
	TryCode(ctx context.Context, caseID, purpose, code string) (bool, error)
	// Status says how far a case is. It is asked only behind a right status code.
	Status(ctx context.Context, caseID string) (Status, error)
	// Withdraw takes the request back; too late is a contract.ErrNotOpen. It is asked only behind a right
	// status code and a confirmation.
	Withdraw(ctx context.Context, caseID string) error
	// OpenPackage opens the package for its download. It is asked only behind a right download
	// code, and its context lasts as long as the download.
	OpenPackage(ctx context.Context, caseID string) (Download, error)
}

// Status is what a person may see of their case.
type Status struct {
	CaseID       string
	Kind         string // a dsr.CaseKind
	Lang         string // the person's language, "zh" or "en"
	State        string // a dsr.State
	Outcome      string // a dsr.Outcome once closed
	ReceivedAt   time.Time
	DueAt        time.Time  // shown in its own zone
	ExpiresAt    *time.Time // until when the package may be fetched; nil when there is none
	Downloadable bool
	Withdrawable bool // the person may still take the request back
}

// Download is an open package.
type Download struct {
	Name string // file name, such as "habeas-7QK2M-9XH4T.zip"
	Size int64  // in bytes; -1 when it is not known, which makes a cut connection harder to notice
	Body io.ReadCloser
	// Done is called once, when every byte was written to the person. A connection that broke
	// before leaves the package unfetched.
	Done func(ctx context.Context) error
}
