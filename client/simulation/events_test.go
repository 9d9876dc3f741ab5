package simulation

import (
	"fmt"
	"math/rand/v2"
	"time"

	"dormant/client/sandbox"
)

// randomEvent changes the directory as its users and other administrators would.
func (w *world) randomEvent(r *rand.Rand) {
	users := w.dir.Users()
	if len(users) == 0 {
		return
	}
	u := users[r.IntN(len(users))]
	now := time.Now().UTC()
	p := w.policy()
	update := func(what string, shifts bool, change func(*sandbox.User)) {
		w.tracef("EVENT %q %s", u.ID, what)
		if err := w.dir.Update(u.ID, change); err != nil {
			w.violationf("event: %v", err)
		}
		if shifts {
			w.markShifted(u.ID)
		}
	}
	if u.ID == w.caller && r.IntN(10) > 0 {
		return
	}
	switch r.IntN(14) {
	case 0, 1, 2:
		update("logs in", false, func(u *sandbox.User) { u.LastLogin = now.Truncate(time.Second) })
	case 3:
		update("acts", false, func(u *sandbox.User) { u.LastAction = now.Truncate(time.Second) })
	case 4:
		if u.ID == w.caller {
			return
		}
		w.names++
		name := fmt.Sprintf("user-%d", w.names)
		update("is renamed "+name, true, func(u *sandbox.User) { u.Username = name })
	case 5, 6:
		if u.ID != w.caller {
			update("is promoted", false, func(u *sandbox.User) { u.Admin = true })
		}
	case 7:
		update("is an administrator no more", false, func(u *sandbox.User) { u.Admin = false })
	case 8:
		update("is a bot now", true, func(u *sandbox.User) { u.Bot = true })
	case 9:
		update("is disabled", true, func(u *sandbox.User) { u.Disabled = true })
	case 10:
		update("is enabled", true, func(u *sandbox.User) { u.Disabled = false })
	case 11:
		w.tracef("EVENT %q is deleted", u.ID)
		w.dir.Remove(u.ID)
		w.markShifted(u.ID)
		if u.ID != w.caller && w.sys.freeIDs && r.IntN(2) == 0 {
			again := w.randomAccount(r, p, now)
			again.ID, again.Created, again.LastLogin = u.ID, now.Truncate(time.Second), time.Time{}
			w.tracef("EVENT and its id given to another")
			_, _ = w.dir.Add(again)
			w.mu.Lock()
			w.reused = append(w.reused, time.Now())
			w.mu.Unlock()
		}
	case 12:
		added := w.randomAccount(r, p, now)
		if id, err := w.dir.Add(added); err == nil { // unless the id is taken
			w.tracef("EVENT %q is added", id)
			w.markShifted(id)
		}
	case 13:
		update("gets a role", false, func(u *sandbox.User) { u.Roles = append(u.Roles, "Finance") })
	}
}

func (w *world) policy() policyModel {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.runs[len(w.runs)-1].policy
}

func (w *world) markShifted(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shifts[id] = append(w.shifts[id], time.Now())
}

// isListed reports whether the system's listing contains the account.
func (w *world) isListed(u sandbox.User) bool {
	switch w.sys.name {
	case "redmine":
		return !u.Disabled
	case "gitea", "grafana":
		return !u.Bot
	case "okta":
		return !u.Hidden && !u.Deactivated
	case "keycloak":
		return !u.Bot && !u.Hidden
	case "synapse", "snipe-it":
		return !u.Deactivated
	}
	return true
}
