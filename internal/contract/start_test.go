package contract

import "testing"

func TestEveryKindStartsItsOwnWorkflow(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		ref  Ref
		kind string
		want string // empty: refused
	}{
		{"case/7QK2M-9XH4T", "access", "Access"},
		{"case/7QK2M-9XH4T", "deletion", "Deletion"},
		{"hold/7QK2M-9XH4T", "", "HoldRelease"},
		{"case/7QK2M-9XH4T", "", ""},
		{"case/7QK2M-9XH4T", "nonsense", ""},
		{"roster/7QK2M-9XH4T", "", "Roster"},
		{"notice/7QK2M-9XH4T", "", "Notice"},
		{"disclosure/7QK2M-9XH4T", "", "Disclosure"},
		{"retention/7QK2M-9XH4T", "access", ""},
	} {
		options, workflow, _, err := StartOf(tc.ref, tc.kind)
		if workflow != tc.want || (err == nil) != (tc.want != "") {
			t.Errorf("%s %q: started %q, %v", tc.ref, tc.kind, workflow, err)
		}
		if err == nil && (options.ID != string(tc.ref) || options.TaskQueue != QueueCore) {
			t.Errorf("%s: started under %q on %q", tc.ref, options.ID, options.TaskQueue)
		}
	}
}
