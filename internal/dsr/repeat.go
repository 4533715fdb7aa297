package dsr

// TaskRepeated asks a reviewer about a request that its person has made often: it goes on, or somebody
// proposes to refuse it on the ground that is shown, which needs two signatures of its own.
const TaskRepeated TaskKind = "repeated"

// ShownRepeat is what makes a law ask.
type ShownRepeat struct {
	Law      string `json:"law"`
	Count    int    `json:"count"`  // requests of the kind within the time, this one among them
	MoreThan int    `json:"beyond"` // what the law, or the company, lets pass
	Within   string `json:"within"` // "12 month"
	House    bool   `json:"house,omitempty"`
	Ground   string `json:"ground"` // the code on which such a request may be refused
	GroundEN string `json:"ground_en"`
	Source   string `json:"source"`
	// Others are the other requests of the same person and kind, the last on top.
	Others []ShownOther `json:"others"`
}

// ShownOther is another request of the same person and kind.
type ShownOther struct {
	Case       string  `json:"case"`
	ReceivedAt string  `json:"received_at"`
	State      State   `json:"state"`
	Outcome    Outcome `json:"outcome,omitempty"`
}
