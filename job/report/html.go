package report

import (
	"bufio"
	_ "embed"
	"fmt"
	"html/template"
	"iter"
	"time"

	"dormant/job"
)

//go:embed report.html.tmpl
var page string

var pageTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"visible": job.Printable,
	"done":    done,
	"percent": percent,
	"utc":     func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
}).Parse(page))

// pageData is the data of the page.
type pageData struct {
	job.Report
	Conclusion conclusion
	Removes    bool
	Disables   bool
	Duration   time.Duration
	Results    []namedCount
	KeptBy     []namedCount
	KeptTotal  int
	KeptAgain  int                   // candidates that the recheck kept
	Candidates iter.Seq[job.Account] // nil if there is none
	InGrace    iter.Seq[job.Account]
	Exempt     iter.Seq[job.Account]
	Exemptions bool
}

// writeHTML writes one self-contained page: it has no script and no link, and loads no
// font or picture.
func writeHTML(b *bufio.Writer, r job.Report) error {
	e := pageData{
		Report: r, Conclusion: conclude(r), Removes: removes(r), Disables: disables(r),
		Duration: r.FinishedAt.Sub(r.StartedAt).Round(time.Millisecond),
		Results:  resultCounts(r), KeptBy: keptByReason(r), KeptAgain: count(r, job.Kept),
		Candidates: rows(candidates(r)), InGrace: rows(inGrace(r)),
		Exempt: rows(r.Exempt), Exemptions: hasExemptions(r),
	}
	e.KeptTotal = sum(e.KeptBy)
	return pageTemplate.Execute(b, e)
}

func percent(n *float64) string {
	if n == nil {
		return "–"
	}
	return fmt.Sprintf("%.1f %%", *n)
}

// rows yields the accounts, so that each is written before the next one is made.
func rows(accounts job.Accounts) iter.Seq[job.Account] {
	if accounts.Len() == 0 {
		return nil
	}
	return func(yield func(job.Account) bool) {
		for _, a := range accounts.All() {
			if !yield(a) {
				return
			}
		}
	}
}

// Watched is since when the ledger knows all logins; nil where nothing depends on that.
func (e pageData) Watched() *time.Time { return watchedSince(e.Report) }

// DaysAgo returns how long before the run a cutoff is.
func (e pageData) DaysAgo(cutoff time.Time) string { return plural(daysAgo(e.Report, cutoff), "day") }

// Meaning explains a reason or a result to readers who do not know the program.
func (e pageData) Meaning(name string) string {
	if name == string(job.NotRemoved) && e.Disables {
		return "not confirmed as done, its error says why"
	}
	return meanings[name]
}

var meanings = map[string]string{
	string(job.Active):           "used at or after the cutoff",
	string(job.Allowlisted):      "on the operator's allowlist",
	string(job.Self):             "the account that does the removing",
	string(job.Admin):            "has administrative rights",
	string(job.ServiceAccount):   "belongs to a program",
	string(job.ProtectedRole):    "has a role that the operator protects, or roles are not known",
	string(job.NeverLoggedIn):    "has never logged in",
	string(job.LastLoginUnknown): "the last login is not known, so it is kept",
	string(job.UnsafeID):         "it can't be addressed without doubt, by its id or by a name that has changed",
	string(job.ActiveAgain):      "was used again before its turn came",
	string(job.AlreadyDisabled):  "unused, and disabled already",
	string(job.NotDisabled):      "unused, and not disabled, which comes first",
	string(job.InGrace):          "unused, and first found so not long enough ago",
	string(job.Inactive):         "last used before the cutoff",

	string(job.WouldRemove):  "removed by a real run, if the guards allow; nothing was done",
	string(job.WouldDisable): "disabled by a real run, if the guards allow; nothing was done",
	string(job.Removed):      "the directory confirmed the removal, and it was not there any more",
	string(job.Disabled):     "the directory confirmed that it can't log in any more, and showed it so",
	string(job.Accepted):     "the directory said that it will do it; it was still there",
	string(job.AlreadyGone):  "no longer there when its turn came",
	string(job.Kept):         "no longer a candidate on a second look",
	string(job.NotRemoved):   "not confirmed as removed, its error says why",
	string(job.NotAttempted): "nothing was sent for it",

	string(job.RefusedByDirectory): "the directory does not do it for this account, its error says why",
}
