package letters

// Swept is what the owner of data is told of the run of a rule: lines without values of anybody.
type Swept struct {
	System, Rule, Action string
	Nominal              string
	State                string
	Waiting              bool // two people must sign before it begins
	Why                  string
	Due, Done            int64
	Held, Referred       int64
	Extended             int64 // kept longer by a decision
	Other                int64
	Before               string
	Reference            string
}

// RenderSwept writes the report of a run in lang ("zh", "zh-CN" or "en").
func RenderSwept(lang string, s Swept) (Message, error) {
	return renderStaff("retention", lang, []string{s.System, s.Rule, s.Action, s.Nominal, s.State, s.Why, s.Before, s.Reference}, s)
}
