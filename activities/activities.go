package activities

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"github.com/habeas-dsr/habeas/internal/blobs"
	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/config"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/jurisdiction"
	"github.com/habeas-dsr/habeas/internal/letters"
	"github.com/habeas-dsr/habeas/internal/seal"
	"github.com/habeas-dsr/habeas/internal/systems"
	"github.com/habeas-dsr/habeas/internal/systems/opendsr"
)

// Activities are the steps and what they need. A worker fills what its queues use.
type Activities struct {
	Store    *casefile.Store
	Keys     *seal.Keys
	Map      *datamap.Map
	Blobs    blobs.Store
	Pins     casefile.Pins
	Laws     *jurisdiction.Book
	Config   config.Config
	Temporal client.Client
	// Namespace is Temporal's, in which cases run.
	Namespace string
	Mailer    *letters.Mailer
	Drill     *letters.Mailer     // where an exercise writes to; nil: there are no exercises
	DKIM      *letters.DKIM       // nil: letters are not signed
	SMS       *letters.SMSGateway // nil: nobody is reached by text message
	Peers     *opendsr.Peers      // nil: no processor is asked, and no controller served
	// Open gives the connection to a system of the map; it is shared and stays open.
	Open func(ctx context.Context, system string) (systems.System, error)
	Now  func() time.Time
	Log  *slog.Logger
}

// RegisterCore adds what runs on contract.QueueCore.
func (a *Activities) RegisterCore(w worker.ActivityRegistry) {
	register(w, contract.BeginCase, a.BeginCase)
	register(w, contract.Project, a.Project)
	register(w, contract.ChooseAccount, a.ChooseAccount)
	register(w, contract.ConfirmChallenge, a.ConfirmChallenge)
	register(w, contract.OpenTask, a.OpenTask)
	register(w, contract.VoidTask, a.VoidTask)
	register(w, contract.RecordDecision, a.RecordDecision)
	register(w, contract.PlanSearch, a.PlanSearch)
	register(w, contract.Assemble, a.Assemble)
	register(w, contract.Release, a.Release)
	register(w, contract.ConfirmFetched, a.ConfirmFetched)
	register(w, contract.Wipe, a.Wipe)
	register(w, contract.WipeCopy, a.WipeCopy)
	register(w, contract.CloseCase, a.CloseCase)
	register(w, contract.ApplyRoster, a.ApplyRoster)
	register(w, contract.StartUnstarted, a.StartUnstarted)
	register(w, contract.SignCheckpoint, a.SignCheckpoint)
	register(w, contract.ReadClock, a.ReadClock)
	register(w, contract.RaiseAlarm, a.RaiseAlarm)
	register(w, contract.ReadMotion, a.ReadMotion)
	register(w, contract.ApplyMotion, a.ApplyMotion)
	register(w, contract.ForgetCases, a.ForgetCases)
	register(w, contract.LinkCase, a.LinkCase)
	register(w, contract.StartPlan, a.StartPlan)
	register(w, contract.SealPlan, a.SealPlan)
	register(w, contract.CheckHolds, a.CheckHolds)
	register(w, contract.AgreePlan, a.AgreePlan)
	register(w, contract.ConfirmWithdrawn, a.ConfirmWithdrawn)
	register(w, contract.BeginErasing, a.BeginErasing)
	register(w, contract.Certify, a.Certify)
	register(w, contract.HoldFacts, a.HoldFacts)
	register(w, contract.ApplyHoldRelease, a.ApplyHoldRelease)
	register(w, contract.BeginStopping, a.BeginStopping)
	register(w, contract.EnterForce, a.EnterForce)
	register(w, contract.RestrictionFacts, a.RestrictionFacts)
	register(w, contract.BeginNotice, a.BeginNotice)
	register(w, contract.ProjectNotice, a.ProjectNotice)
	register(w, contract.ReadConcerned, a.ReadConcerned)
	register(w, contract.FreezeList, a.FreezeList)
	register(w, contract.ActOnTask, a.ActOnTask)
	register(w, contract.NoticeDue, a.NoticeDue)
	register(w, contract.TakeStep, a.TakeStep)
	register(w, contract.StartClock, a.StartClock)
	register(w, contract.MarkClock, a.MarkClock)
	register(w, contract.CloseNotice, a.CloseNotice)
	register(w, contract.BeginRule, a.BeginRule)
	register(w, contract.AcceptRule, a.AcceptRule)
	register(w, contract.RejectRule, a.RejectRule)
	register(w, contract.RestartSweep, a.RestartSweep)
	register(w, contract.AlarmNight, a.AlarmNight)
	register(w, contract.EndAlarm, a.EndAlarm)
	register(w, contract.CheckWishes, a.CheckWishes)
	register(w, contract.StartCorrection, a.StartCorrection)
	register(w, contract.SealCorrection, a.SealCorrection)
	register(w, contract.AgreeCorrection, a.AgreeCorrection)
	register(w, contract.BeginCorrecting, a.BeginCorrecting)
	register(w, contract.CorrectionOutcome, a.CorrectionOutcome)
	register(w, contract.WipeEvidence, a.WipeEvidence)
	register(w, contract.ReadStanding, a.ReadStanding)
	register(w, contract.GrantExtension, a.GrantExtension)
	register(w, contract.RefuseExtension, a.RefuseExtension)
	register(w, contract.TakeComplainant, a.TakeComplainant)
	register(w, contract.LookForRepeats, a.LookForRepeats)
	register(w, contract.FindCustomers, a.FindCustomers)
	register(w, contract.EnterDisclosure, a.EnterDisclosure)
	register(w, contract.RefuseDisclosure, a.RefuseDisclosure)
}

// RegisterLetters adds what runs on contract.QueueLetters.
func (a *Activities) RegisterLetters(w worker.ActivityRegistry) {
	register(w, contract.SendLetter, a.SendLetter)
	register(w, contract.IssueCode, a.IssueCode)
	register(w, contract.SendDigests, a.SendDigests)
	register(w, contract.SendCanaries, a.SendCanaries)
	register(w, contract.SendPage, a.SendPage)
	register(w, contract.SendTexts, a.SendTexts)
	register(w, contract.WarnClock, a.WarnClock)
	register(w, contract.WarnOwner, a.WarnOwner)
	register(w, contract.CallBack, a.CallBack)
	register(w, contract.ReportRun, a.ReportRun)
}

// RegisterSystem adds what runs on the queue of one system.
func (a *Activities) RegisterSystem(w worker.ActivityRegistry) {
	register(w, contract.FindAccount, a.FindAccount)
	register(w, contract.Discover, a.Discover)
	register(w, contract.Collect, a.Collect)
	register(w, contract.MarkRows, a.MarkRows)
	register(w, contract.DraftPlan, a.DraftPlan)
	register(w, contract.Erase, a.Erase)
	register(w, contract.Rediscover, a.Rediscover)
	register(w, contract.ReadBack, a.ReadBack)
	register(w, contract.FindConcerned, a.FindConcerned)
	register(w, contract.AskProcessor, a.AskProcessor)
	register(w, contract.ReadOriginals, a.ReadOriginals)
	register(w, contract.FindCopies, a.FindCopies)
	register(w, contract.DraftCorrection, a.DraftCorrection)
	register(w, contract.CheckRealName, a.CheckRealName)
	register(w, contract.Correct, a.Correct)
	register(w, contract.CheckCorrected, a.CheckCorrected)
	register(w, contract.PollProcessor, a.PollProcessor)
	register(w, contract.CallRecipient, a.CallRecipient)
	register(w, contract.OpenRuns, a.OpenRuns)
	register(w, contract.MeasureRule, a.MeasureRule)
	register(w, contract.ShelterRows, a.ShelterRows)
	register(w, contract.SweepRule, a.SweepRule)
	register(w, contract.ProveRule, a.ProveRule)
}

// register holds the function against the typed reference: the compiler refuses another shape. A
// step of a case runs only for the workflow of that case; what stands behind it is checked in the
// casefile all the same, because a rogue poller holds the right id.
func register[In, Out any](w worker.ActivityRegistry, ref contract.Activity[In, Out], fn func(context.Context, In) (Out, error)) {
	guarded := func(ctx context.Context, in In) (Out, error) {
		if of, ok := contract.RefOf(in); ok && !stepOf(activity.GetInfo(ctx).WorkflowExecution.ID, of) {
			var none Out
			return none, fault.Newf(contract.ErrNotApproved, "%s is a step of %s, and another workflow asked for it", ref.Name, of)
		}
		return fn(ctx, in)
	}
	w.RegisterActivityWithOptions(guarded, activity.RegisterOptions{Name: ref.Name, DisableAlreadyRegisteredCheck: true})
}

// stepOf says whether a workflow is that of the reference, or a child of it, named behind it.
func stepOf(workflow string, ref contract.Ref) bool {
	return workflow == string(ref) || strings.HasPrefix(workflow, string(ref)+"/")
}
