package dsr

// TaskDisclosure asks two people whether an entry of the register of disclosures to authorities stands.
const TaskDisclosure TaskKind = "disclosure"

// ShownDisclosure is such an entry as its signers see it.
type ShownDisclosure struct {
	Authority    string   `json:"authority"`
	Ground       string   `json:"ground"` // law and article
	At           string   `json:"at"`     // a day
	Categories   []string `json:"categories"`
	Person       string   `json:"person"` // masked
	Confidential bool     `json:"confidential"`
	Reason       string   `json:"reason,omitempty"`
	AskedBy      string   `json:"asked_by"`
	Statement    string   `json:"statement_sha256"` // hex, over the whole of it
}
