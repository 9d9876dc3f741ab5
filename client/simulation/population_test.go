package simulation

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"dormant/client/sandbox"
)

// populate creates the directory. Last logins and creation dates lie around the
// policy's cutoffs.
func (w *world) populate(p policyModel, now time.Time) error {
	r := w.random
	users := []sandbox.User{{Username: callerName, Email: callerName + "@mail.test", Admin: true, Created: now.Add(-1000 * day), LastLogin: now.Add(-500 * day)}}
	users[0].FirstName, users[0].LastName = "Call", "Er"
	if r.IntN(3) == 0 {
		users[0].LastLogin = now.Add(-time.Hour)
	}
	for range 5 + r.IntN(36) {
		users = append(users, w.randomAccount(r, p, now))
	}
	o := sandbox.Options{
		System: w.sys.name, Users: users, Seed: w.seed, Token: apiToken, Secret: password, WithLastLogin: r.IntN(2) == 0,
	}
	if w.sys.caller {
		o.Caller = callerName
	}
	if w.sys.name != "keycloak" && r.IntN(2) == 0 { // its profile relies on pages as long as requested
		o.PageLimit = 2 + r.IntN(8)
	}
	var err error
	if w.dir, err = sandbox.New(o); err != nil {
		return err
	}
	if u, ok := w.dir.Find(callerName); ok && w.sys.caller {
		w.caller = u.ID
	}
	return nil
}

// randomAccount returns an account with random properties.
func (w *world) randomAccount(r *rand.Rand, p policyModel, now time.Time) sandbox.User {
	w.names++
	n := w.names
	u := sandbox.User{
		Username: fmt.Sprintf("user-%d", n), FirstName: "Jo", LastName: fmt.Sprintf("Doe %d", n), Email: fmt.Sprintf("user-%d@mail.test", n),
		LastLogin: w.randomLogin(r, p, now),
	}
	switch r.IntN(8) {
	case 0:
		u.Created = now.Add(-p.inactiveFor).Add(time.Duration(r.IntN(3)-1) * time.Second)
	case 1:
		u.Created = now.Add(-time.Duration(r.IntN(40)) * day)
	case 2:
		if slices.Contains([]string{"itflex", "redmine", "okta", "keycloak", "scim", "snipe-it"}, w.sys.name) {
			break // these may leave the creation date out
		}
		fallthrough
	default:
		u.Created = now.Add(-time.Duration(700+r.IntN(2000)) * day)
	}
	u.Created = u.Created.UTC().Truncate(time.Second)
	u.Admin, u.Bot, u.Disabled, u.Owns = r.IntN(8) == 0, r.IntN(8) == 0, r.IntN(5) == 0, r.IntN(12) == 0
	if r.IntN(3) == 0 {
		u.LastAction = w.randomLogin(r, p, now)
	}
	for _, role := range []string{"Finance", "IT", "Staff"} {
		if r.IntN(3) == 0 {
			u.Roles = append(u.Roles, role)
		}
	}
	u.Hidden = slices.Contains([]string{"okta", "keycloak"}, w.sys.name) && r.IntN(10) == 0
	u.Fields = map[string]string{}
	switch {
	case w.sys.name == "keycloak" && r.IntN(10) == 0:
		u.Fields["offline"] = "app"
	case w.sys.name == "keycloak" && u.Bot:
		u.Username = "service-account-" + u.Username
	case w.sys.name == "grafana" && r.IntN(10) == 0:
		u.Fields["external"] = "true"
	case w.sys.name == "synapse" && r.IntN(10) == 0:
		u.Fields["appservice"] = "irc"
	}
	if w.sys.freeIDs && r.IntN(6) == 0 {
		ids := []string{"..", ".", "a/../%d", " blank-%d", "line\n%d", "a/b-%d", "%%2e%%2e-%d", "ü?%d", "x;y=%d", "a&b#%d", "/", "ü|%d", "a&b=%d", "x:%d@y", "a+b (%d)", "%d~!$*'x", "user/%d/", `back\%d`, "%d%%00"}
		id := ids[r.IntN(len(ids))]
		if strings.Contains(id, "%d") {
			id = fmt.Sprintf(id, n)
		}
		if !strings.Contains(id, strconv.Itoa(n)) {
			id += strings.Repeat("/.", n) // unique, and still unsafe
		}
		u.ID = id
	}
	if slices.Contains([]string{"itflex", "maestro", "scim", "snipe-it"}, w.sys.name) && r.IntN(10) == 0 {
		u.Username = fmt.Sprintf("user-%d", 1+r.IntN(n)) // perhaps that of another account
	}
	return u
}

// moveToCutoffs moves some last logins and creation dates to within a second of the
// cutoffs of a run that begins at now.
func (w *world) moveToCutoffs(p policyModel, now time.Time) {
	for _, u := range w.dir.Users() {
		if w.random.IntN(4) > 0 || u.ID == w.caller || u.LastLogin.IsZero() && u.Created.IsZero() {
			continue
		}
		at := now.Add(-p.inactiveFor)
		if p.disableAfter > 0 && w.random.IntN(2) == 0 {
			at = now.Add(-p.disableAfter)
		}
		at = at.Add(time.Duration(w.random.IntN(3)-1) * time.Second)
		err := w.dir.Update(u.ID, func(u *sandbox.User) {
			if u.LastLogin.IsZero() {
				u.Created = at
			} else {
				u.LastLogin = at
			}
		})
		if err != nil {
			w.violationf("edges: %v", err)
		}
	}
}

// randomLogin returns a last login, often at the boundary of a rule.
func (w *world) randomLogin(r *rand.Rand, p policyModel, now time.Time) time.Time {
	at := now
	switch r.IntN(12) {
	case 0:
		return time.Time{}
	case 1, 2:
		at = now.Add(-p.inactiveFor).Add(time.Duration(r.IntN(3)-1) * time.Second)
	case 3:
		at = now.Add(-p.disableAfter).Add(time.Duration(r.IntN(3)-1) * time.Second)
	case 4:
		at = now.Add(-time.Duration(r.IntN(20)) * day)
	case 5:
		if r.IntN(4) == 0 {
			at = now.Add(time.Duration(r.IntN(3)) * day)
		}
	case 6:
		if r.IntN(4) == 0 {
			at = time.Date(1999, 12, 31, 0, 0, 0, 0, time.UTC)
		}
	default:
		at = now.Add(-time.Duration(20+r.IntN(800)) * day)
	}
	return at.UTC().Truncate(time.Second)
}
