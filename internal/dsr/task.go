package dsr

// TaskKind says what is asked of a human.
type TaskKind string

// The tasks of an access case and of the roster.
const (
	TaskChooseAccount TaskKind = "choose-account" // a channel stands on several directory rows
	TaskNoAccount     TaskKind = "no-account"     // nobody was found under what the request names
	TaskUnreachable   TaskKind = "unreachable"    // a letter has no address, or was refused for good
	TaskSystemDown    TaskKind = "system-down"    // a system does not answer and the map's patience is over
	TaskMapMismatch   TaskKind = "map-mismatch"   // the data map and a live schema differ
	TaskReview        TaskKind = "review"         // look at what was found before it is packed
	TaskRelease       TaskKind = "release"        // let the package go to the person
	TaskEnrol         TaskKind = "enrol"          // let somebody sign
	TaskFailed        TaskKind = "failed-step"    // a step failed in a way that a retry alone cannot mend
)

// The tasks of a deletion case and of legal holds.
const (
	TaskPlan        TaskKind = "review-plan"   // look at what would be deleted, changed and kept
	TaskErase       TaskKind = "approve-plan"  // the second person's word on the plan
	TaskEraseLarge  TaskKind = "approve-large" // the same by two people: the plan is beyond the map's limit
	TaskPreflight   TaskKind = "preflight"     // something in a live system speaks against the plan
	TaskHeld        TaskKind = "held"          // a legal hold covers a part of the plan
	TaskEraseFailed TaskKind = "erase-failed"  // a system is half done and does not go on by itself
	TaskLeft        TaskKind = "left-over"     // the read-back found what should be gone, or is not in the plan
	TaskReleaseHold TaskKind = "release-hold"  // let a legal hold end
	TaskByHand      TaskKind = "by-hand"       // do in a system what no driver can
)

// TaskLift asks two people whether a restriction may end: what would be set back, and why.
const TaskLift TaskKind = "lift-restriction"

// The tasks of a mass notice.
const (
	TaskNoticeIncomplete TaskKind = "notice-incomplete" // a mandatory part of the text is empty
	TaskNoticeWave       TaskKind = "notice-wave"       // let a wave of letters go
	TaskNoticeNone       TaskKind = "notice-none"       // do not notify the people, with its ground
	TaskNoticeCounsel    TaskKind = "notice-counsel"    // counsel's word on a change of the policy, before any wave
	TaskNoticeControl    TaskKind = "notice-control"    // pause, resume, set the rate, abort
	TaskNoticeStopped    TaskKind = "notice-stopped"    // too many letters were refused
	TaskReport           TaskKind = "authority-report"  // file the report with an authority
	TaskPhoneRound       TaskKind = "phone-round"       // call those whom nothing reached
	TaskLetterRound      TaskKind = "letter-round"      // print and post letters to them
	TaskPublicNotice     TaskKind = "public-notice"     // publish the notice for the rest
)

// TaskRetention asks whether a rule of retention may touch what its dry run found: its first run, a changed
// rule, or more than its usual share.
const TaskRetention TaskKind = "retention-run"

// TaskExtendRetention asks whether rows are kept beyond their time, until a date: those of a rule, or a
// person's.
const TaskExtendRetention TaskKind = "retention-extend"

// Rule says who may answer a task and how.
type Rule struct {
	Roles     []Role
	Verdicts  []Verdict
	NotOpener bool // whoever opened the case may not
	// NotAfter are kinds of task of the same case: who signed one of them before may not sign this.
	NotAfter []TaskKind
	Signers  int // how many different people must approve
}

// Rules are the rules of every kind of task.
var Rules = map[TaskKind]Rule{
	TaskChooseAccount: {Roles: []Role{RoleReviewer, RoleLead}, Verdicts: []Verdict{Approve, Reject}, Signers: 1},
	TaskNoAccount:     {Roles: []Role{RoleSupport, RoleReviewer, RoleLead}, Verdicts: []Verdict{Retry, Complete}, Signers: 1},
	TaskUnreachable:   {Roles: []Role{RoleSupport, RoleReviewer, RoleLead}, Verdicts: []Verdict{Retry, Complete}, Signers: 1},
	TaskSystemDown:    {Roles: []Role{RoleReviewer, RoleLead}, Verdicts: []Verdict{Retry, Partial}, Signers: 1},
	TaskMapMismatch:   {Roles: []Role{RoleReviewer, RoleLead, RoleOperator}, Verdicts: []Verdict{Retry, Partial}, Signers: 1},
	TaskReview:        {Roles: []Role{RoleReviewer, RoleLead}, Verdicts: []Verdict{Approve, Reject}, Signers: 1},
	TaskRelease:       {Roles: []Role{RoleApprover, RoleLead}, Verdicts: []Verdict{Approve, Reject}, NotOpener: true, Signers: 1},
	TaskEnrol:         {Roles: []Role{RoleApprover}, Verdicts: []Verdict{Approve, Reject}, Signers: 2},
	TaskFailed:        {Roles: []Role{RoleOperator, RoleReviewer, RoleLead}, Verdicts: []Verdict{Retry, Reject}, NotOpener: true, Signers: 1},

	TaskPlan: {Roles: []Role{RoleReviewer, RoleLead}, Verdicts: []Verdict{Approve, Reject, Replan}, Signers: 1},
	TaskErase: {Roles: []Role{RoleApprover, RoleLead}, Verdicts: []Verdict{Approve, Reject, Replan},
		NotOpener: true, NotAfter: []TaskKind{TaskPlan}, Signers: 1},
	TaskEraseLarge: {Roles: []Role{RoleApprover, RoleLead}, Verdicts: []Verdict{Approve, Reject, Replan},
		NotOpener: true, NotAfter: []TaskKind{TaskPlan}, Signers: 2},
	TaskPreflight:   {Roles: []Role{RoleReviewer, RoleLead, RoleOperator}, Verdicts: []Verdict{Retry, Partial}, Signers: 1},
	TaskHeld:        {Roles: []Role{RoleReviewer, RoleLead, RoleCounsel}, Verdicts: []Verdict{Retry, Partial}, Signers: 1},
	TaskEraseFailed: {Roles: []Role{RoleReviewer, RoleLead, RoleOperator}, Verdicts: []Verdict{Retry, Replan, Partial}, Signers: 1},
	TaskLeft:        {Roles: []Role{RoleReviewer, RoleLead}, Verdicts: []Verdict{Retry, Replan, Partial}, Signers: 1},
	TaskEvidence:    {Roles: []Role{RoleSupport, RoleReviewer, RoleLead}, Verdicts: []Verdict{Complete}, Signers: 1},
	TaskRealName:    {Roles: []Role{RoleReviewer, RoleApprover, RoleLead}, Verdicts: []Verdict{Complete, Reject}, NotOpener: true, Signers: 1},
	TaskCorrect:     {Roles: []Role{RoleReviewer, RoleLead}, Verdicts: []Verdict{Approve, Reject, Replan}, NotOpener: true, Signers: 1},
	TaskCorrectStrict: {Roles: []Role{RoleApprover, RoleLead}, Verdicts: []Verdict{Approve, Reject, Replan},
		NotOpener: true, NotAfter: []TaskKind{TaskCorrect}, Signers: 1},
	TaskCorrectFailed: {Roles: []Role{RoleReviewer, RoleLead, RoleOperator}, Verdicts: []Verdict{Retry, Replan, Partial}, Signers: 1},
	TaskAuthority:     {Roles: []Role{RoleSupport, RoleReviewer, RoleLead}, Verdicts: []Verdict{Complete}, Signers: 1},
	TaskMayAct:        {Roles: []Role{RoleReviewer, RoleLead}, Verdicts: []Verdict{Approve, Reject, Retry}, NotOpener: true, NotAfter: []TaskKind{TaskAuthority}, Signers: 1},
	TaskRelative:      {Roles: []Role{RoleCounsel, RoleLead}, Verdicts: []Verdict{Approve, Reject, Retry}, NotOpener: true, NotAfter: []TaskKind{TaskAuthority}, Signers: 1},
	TaskByHand:        {Roles: []Role{RoleSupport, RoleReviewer, RoleLead, RoleOperator}, Verdicts: []Verdict{Complete, Partial}, Signers: 1},
	TaskExtend:        {Roles: movers, Verdicts: []Verdict{Approve, Reject}, Signers: 2},
	TaskRefuse:        {Roles: movers, Verdicts: []Verdict{Approve, Reject}, Signers: 2},
	TaskLift:          {Roles: movers, Verdicts: []Verdict{Approve, Reject}, Signers: 2},
	TaskReleaseHold:   {Roles: []Role{RoleCounsel, RoleApprover, RoleLead}, Verdicts: []Verdict{Approve, Reject}, Signers: 2},

	TaskRetention:       {Roles: []Role{RoleApprover, RoleLead}, Verdicts: []Verdict{Approve, Reject}, NotOpener: true, Signers: 2},
	TaskExtendRetention: {Roles: []Role{RoleApprover, RoleLead, RoleCounsel}, Verdicts: []Verdict{Approve, Reject}, NotOpener: true, Signers: 2},

	TaskNoticeIncomplete: {Roles: []Role{RoleReviewer, RoleLead, RoleCounsel}, Verdicts: []Verdict{Retry}, Signers: 1},
	TaskNoticeWave:       {Roles: []Role{RoleApprover, RoleLead, RoleCounsel}, Verdicts: []Verdict{Approve, Reject}, NotOpener: true, Signers: 2},
	TaskNoticeNone:       {Roles: []Role{RoleApprover, RoleLead, RoleCounsel}, Verdicts: []Verdict{Approve, Reject}, NotOpener: true, Signers: 2},
	TaskNoticeCounsel:    {Roles: []Role{RoleCounsel}, Verdicts: []Verdict{Approve, Reject}, NotOpener: true, Signers: 1},
	TaskNoticeControl:    {Roles: []Role{RoleApprover, RoleLead, RoleOperator}, Verdicts: []Verdict{Approve, Reject}, Signers: 1},
	TaskNoticeStopped:    {Roles: []Role{RoleApprover, RoleLead}, Verdicts: []Verdict{Approve, Reject}, Signers: 1},
	TaskReport:           {Roles: []Role{RoleApprover, RoleLead, RoleCounsel}, Verdicts: []Verdict{Complete}, Signers: 1},
	TaskPhoneRound:       {Roles: []Role{RoleSupport, RoleReviewer, RoleLead}, Verdicts: []Verdict{Complete, Partial}, Signers: 1},
	TaskLetterRound:      {Roles: []Role{RoleSupport, RoleReviewer, RoleLead}, Verdicts: []Verdict{Complete, Partial}, Signers: 1},
	TaskPublicNotice:     {Roles: []Role{RoleApprover, RoleLead, RoleCounsel}, Verdicts: []Verdict{Complete}, Signers: 1},
}

// Choices of a reviewer on a column that may speak of somebody else.
const (
	ChoiceKeep = "keep"
	ChoiceMask = "mask"
	ChoiceDrop = "drop"
)
