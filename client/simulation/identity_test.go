package simulation

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// An account that is made anew under an id has its own grace: of whom a run finds unused,
// it remembers what tells the account from another one.

// identity is what tells an account from another one of the same id.
func (run *programRun) identity(k observation) string {
	names := []string{strings.ToLower(strings.TrimSpace(k.username)), strings.ToLower(strings.TrimSpace(k.email))}
	slices.Sort(names)
	login := ""
	if u := effectiveLogin(k, run.now); u.login == loginKnown && !u.notAfter {
		login = strconv.FormatInt(u.at.UnixNano(), 10)
	}
	created := ""
	if !k.created.IsZero() {
		created = strconv.FormatInt(k.created.Unix(), 10)
	}
	return strings.Join(append(names, login, created), "\n")
}

// unsure is the identity of an account that a run may have seen otherwise than its story
// says.
const unsure = "unsure"

// rememberIdentities records what the accounts were that a run has found first.
func (w *world) rememberIdentities(run *programRun) {
	if run.policy.grace == 0 || !run.report.Planned {
		return
	}
	run.mu.Lock()
	defer run.mu.Unlock()
	for id, k := range run.plan().known {
		if run.misled {
			k = unsure
		}
		w.mu.Lock()
		w.identities[fmt.Sprint(id, run.now.UnixNano())] = k
		w.mu.Unlock()
	}
}

// sameAsFound reports whether an account is the one that the ledger means, as far as that
// is known, and whether it is known.
func (run *programRun) sameAsFound(k observation) (same, known bool) {
	w := run.world
	w.mu.Lock()
	defer w.mu.Unlock()
	was, ok := w.identities[fmt.Sprint(k.id, k.warned.UnixNano())]
	if !ok || was == unsure {
		return true, k.warned.IsZero()
	}
	return was == run.identity(k), true
}

// isReplaced reports whether a second look shows an account that never logged in, where the
// plan was for one that did.
func isReplaced(planned, again observation, now time.Time) bool {
	before := effectiveLogin(planned, now)
	return before.login == loginKnown && !before.notAfter && effectiveLogin(again, now).login == loginNever
}
