package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"dormant/client/profile"
	"dormant/job"
)

// check says what the directory is like.
func (a *app) check(ctx context.Context, _ []string) int {
	ctx, cancel := a.runTimeout(ctx)
	defer cancel()
	var text strings.Builder
	out := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	err := a.writeCheck(ctx, out)
	_ = out.Flush()
	code := a.print(text.String()) // what was found before an error is worth knowing, too
	if err != nil {
		return a.fail(err)
	}
	return code
}

// writeCheck writes what it finds, up to an error.
func (a *app) writeCheck(ctx context.Context, out io.Writer) error {
	cleanup := job.Cleanup{RunID: newRunID(), Log: a.log}
	now := a.Now().UTC()
	directory, closeAll, err := a.prepare(&cleanup, now)
	if err != nil {
		return err
	}
	defer closeAll()
	printf(out, "configuration\tok\n")
	printf(out, "profile\t%s (%s)\n", a.cfg.ProfileName, a.cfg.Profile.Title)
	printf(out, "directory\t%s\n", a.cfg.URL)
	if err := a.checkLedger(out, cleanup.Ledger); err != nil {
		return err
	}

	self, err := cleanup.FindSelf(ctx)
	switch {
	case errors.Is(err, job.ErrUnsupported):
		printf(out, "caller\tthe directory does not tell; DORMANT_ACTOR is kept: %s\n", cmp.Or(a.cfg.Actor, "not set"))
	case err != nil:
		return err
	default:
		printf(out, "caller\t%q %q, always kept\n", self.ID, self.Username)
	}
	page, err := collect(directory.Sample(ctx))
	read, extent := len(page), directory.Extent()
	shown := page[:min(maxShown, len(page))]
	if err == nil {
		shown, err = readAlone(ctx, &cleanup, shown, now)
	}
	if err == nil {
		err = checkElsewhere(ctx, out, &cleanup, page, now)
	}
	if err != nil { // the author of a profile wants to see what was read all the same
		a.writeAccounts(out, &cleanup, page, now)
		writeFields(out, directory.FieldCounts())
		return err
	}
	rest := page[min(maxShown, len(page)):]
	if slices.ContainsFunc(rest, func(u job.User) bool { return u.Partial }) {
		printf(out, "read alone\tthe first %d accounts; a run does so with all that the listing does not tell enough of\n", maxShown)
	}
	if page, err = collect(cleanup.Proven(listing(slices.Concat(shown, rest)))); err != nil {
		return err
	}
	makePlan := cleanup.Plan
	if extent.More {
		makePlan = cleanup.PlanPart
	}
	plan, err := makePlan(listing(page), now)
	if err != nil {
		return err
	}
	cleanup.FindActor(ctx, plan)
	counts := directory.FieldCounts()
	writePages(out, a.cfg.Profile, extent, counts.Accounts, read)
	writeKinds(out, a.cfg.Profile, page)
	writeRoles(out, page)
	printf(out, "cutoff\t%s; %d others logged in since\n", plan.Cutoff.Format(time.RFC3339), plan.LoggedIn)
	printf(out, "newest login\t%s\n", cmp.Or(formatTime(plan.NewestLogin), "none is known of anybody else"))
	printf(out, "last login unknown\t%s\n", formatCounts(plan.Unknown))
	printf(out, "would be kept\t%s\n", formatCounts(plan.Kept))
	actions := map[job.Action]int{}
	for _, candidate := range plan.Candidates.All() {
		actions[candidate.Action]++
	}
	if a.cfg.Grace > 0 {
		printf(out, "in grace\t%d\n", len(plan.InGrace))
	}
	printf(out, "would be removed\t%d\n", actions[job.Remove])
	if !cleanup.Policy.DisableCutoff(now).IsZero() {
		printf(out, "would be disabled\t%d\n", actions[job.Disable])
	}
	for _, name := range slices.Sorted(maps.Keys(a.cfg.TurnedOn())) {
		printf(out, "a removal\t%s: %s\n", a.cfg.TurnedOn()[name], name)
	}
	if unmarked := a.cfg.Profile.UnmarkedKinds(); len(unmarked) > 0 {
		printf(out, "not told\twho is one of the %s; put them on the allowlist\n", strings.Join(unmarked, ", "))
	}
	writeUnmatchedFlags(out, a.cfg.Profile, counts)
	writeWarnings(out, plan.Warnings, extent.More)
	err = errors.Join(checkTimes(a.cfg.Profile, counts, page, now), checkSecondLook(ctx, out, &cleanup, directory.ListsAgain(), page, now))
	a.writeAccounts(out, &cleanup, page, now)
	writeFields(out, counts)
	if len(page) == 0 {
		err = cmp.Or(err, fmt.Errorf("%w: the directory lists no account at all: the credentials may see none, or have ended", job.ErrProfile))
	}
	return err
}

// checkLedger says what earlier runs remember, and whether the next one can.
func (a *app) checkLedger(out io.Writer, ledger *job.Ledger) error {
	if ledger == nil {
		return nil
	}
	switch s := ledger.Summary(); {
	case s.Runs == 0 && s.Accounts == 0:
		printf(out, "ledger\t%s: there is none yet, so nothing is known of earlier runs\n", a.cfg.Ledger)
	case s.Runs == 0:
		printf(out, "ledger\t%s: %d accounts that runs of an earlier version found inactive\n", a.cfg.Ledger, s.Accounts)
	default:
		printf(out, "ledger\t%s: %d accounts, since %s\n", a.cfg.Ledger, s.Accounts, formatTime(s.Since))
		if !s.WatchedSince.IsZero() {
			printf(out, "logins watched\tsince %s\n", formatTime(s.WatchedSince))
		}
		if s.Brake != nil {
			printf(out, "brake\ton since %s: %s\n", formatTime(s.Brake.At), s.Brake.Message)
		}
	}
	if err := ledger.CheckWritable(); err != nil {
		return fmt.Errorf("DORMANT_LEDGER: %w", err)
	}
	return nil
}

// checkSecondLook reads one of the accounts as it would be read again right
// before something is done with it.
func checkSecondLook(ctx context.Context, out io.Writer, cleanup *job.Cleanup, listsAgain bool, page []job.User, now time.Time) error {
	i := slices.IndexFunc(page, func(u job.User) bool { return job.SafeID(u.ID) })
	if i < 0 {
		printf(out, "second look\tnot tried: there is no account to try it with\n")
		return nil
	}
	again, err := cleanup.Directory.User(ctx, page[i])
	if err == nil && again.ID != page[i].ID {
		err = fmt.Errorf("the directory answered with account %q", again.ID)
	}
	if errors.Is(err, job.ErrUnsupported) {
		if listsAgain {
			printf(out, "second look\tthe directory can't read one account; the listing is read again before a removal if it is older than a minute\n")
			return nil
		}
		printf(out, "second look\tthe directory can't read one account again before its removal\n")
		return nil
	}
	if err != nil {
		printf(out, "second look\tdoes not work\n")
		return fmt.Errorf("read account %q again, as before its removal: %w", page[i].ID, err)
	}
	planned, first := cleanup.Decide(page[i], now)
	_, second := cleanup.DecideAgain(planned, again, now)
	if second != first {
		printf(out, "second look\tworks, but of account %q it tells another thing than the listing: %s (%s), not %s (%s)\n",
			again.ID, second.Action, second.Reason, first.Action, first.Reason)
		return nil
	}
	printf(out, "second look\tworks; tried with account %q\n", again.ID)
	return nil
}

// writeAccounts shows the first accounts as they are understood, one in each column.
func (a *app) writeAccounts(out io.Writer, cleanup *job.Cleanup, page []job.User, now time.Time) {
	if len(page) == 0 {
		return
	}
	type account struct {
		job.User
		job.Decision
	}
	var accounts []account
	for _, u := range page[:min(maxShown, len(page))] {
		u, d := cleanup.Decide(u, now)
		accounts = append(accounts, account{u, d})
	}
	fields := a.cfg.Profile.User
	printf(out, "\nThe first accounts, as they are understood:\n")
	for _, row := range []struct {
		title string
		cell  func(account) string
	}{
		{"id", func(a account) string { return strconv.Quote(a.ID) }},
		{"username", func(a account) string { return strconv.Quote(a.Username) }},
		{"email", func(a account) string { return strconv.Quote(a.Email) }},
		{"admin", func(a account) string { return flagText(fields.Admin, a.Admin) }},
		{"service account", func(a account) string { return flagText(fields.ServiceAccount, a.ServiceAccount) }},
		{"disabled", func(a account) string { return flagText(fields.Disabled, a.Disabled) }},
		{"roles", func(a account) string {
			if a.Roles == nil {
				return "not told"
			}
			return fmt.Sprintf("%q", a.Roles)
		}},
		{"created", func(a account) string {
			if a.Created.IsZero() && !a.Undated {
				return "unreadable"
			}
			return cmp.Or(formatTime(a.Created), "not told")
		}},
		{"last login", func(a account) string { return a.LastLogin.Normalize(a.Created, now).String() }},
		{"other activity", func(a account) string { return cmp.Or(formatTime(a.LastActivity), "none") }},
		{"decision", func(a account) string { return string(a.Action) }},
		{"reason", func(a account) string { return string(a.Reason) }},
	} {
		fmt.Fprint(out, row.title)
		for _, a := range accounts {
			printf(out, "\t%s", row.cell(a))
		}
		fmt.Fprintln(out)
	}
}

// count returns how many accounts match.
func count(accounts []job.User, matches func(job.User) bool) int {
	n := 0
	for _, u := range accounts {
		if matches(u) {
			n++
		}
	}
	return n
}

// maxShown is how many accounts check shows.
const maxShown = 5

// readAlone reads each account alone about which the listing does not tell enough. It
// returns all of them, in their order.
func readAlone(ctx context.Context, cleanup *job.Cleanup, accounts []job.User, now time.Time) ([]job.User, error) {
	read, err := collect(cleanup.Detailed(ctx, listing(accounts), now))
	slices.SortFunc(read, func(a, b job.User) int {
		at := func(u job.User) int { return slices.IndexFunc(accounts, func(x job.User) bool { return x.ID == u.ID }) }
		return at(a) - at(b)
	})
	return read, err
}

// writeFields shows which fields of the profile the first page has.
func writeFields(out io.Writer, counts *profile.FieldCounts) {
	if counts == nil || counts.Accounts == 0 {
		return
	}
	printf(out, "\nThe first account has %s.\nThe profile's fields on the first page of the listing:\n", counts.Members)
	for _, f := range counts.Fields {
		found := fmt.Sprintf("on %d of %d", f.Accounts, counts.Accounts)
		switch {
		case f.Accounts == 0 && f.Optional:
			found = "not found (optional)"
		case f.Accounts == 0:
			found = "not found"
		}
		printf(out, "%s\t%s\t%s", f.Field, found, strings.Join(f.Paths, ", "))
		if f.Example != "" {
			printf(out, "\t%s", f.Example)
		}
		fmt.Fprintln(out)
	}
}

// listing is a listing of the users.
func listing(users []job.User) iter.Seq2[job.User, error] {
	return func(yield func(job.User, error) bool) {
		for _, u := range users {
			if !yield(u, nil) {
				return
			}
		}
	}
}

// collect returns the users of a listing, up to an error.
func collect(all iter.Seq2[job.User, error]) (users []job.User, err error) {
	for u, err := range all {
		if err != nil {
			return users, err
		}
		users = append(users, u)
	}
	return users, nil
}
