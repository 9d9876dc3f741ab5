package command

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"dormant/client"
	"dormant/client/profile"
	"dormant/job"
)

// writePages writes how many accounts are on the pages that were read, and whether they
// are all.
func writePages(out io.Writer, p *profile.Profile, e client.Extent, first, read int) {
	printf(out, "first page\t%d accounts\n", first)
	switch {
	case !p.List.IsPaged() && e.Assumed:
		printf(out, "second page\tthe profile asks for none, and %d accounts could be a full page: make sure that these are all\n", first)
	case !p.List.IsPaged():
	case e.Assumed:
		printf(out, "second page\tnothing points to one, and nothing shows yet that the profile would find it\n")
	case read == first:
		printf(out, "second page\tthere is none\n")
	case e.More:
		printf(out, "second page\t%d accounts, and there are more pages\n", read-first)
	default:
		printf(out, "second page\t%d accounts, and there are no more pages\n", read-first)
	}
	printf(out, "pages\t%s\n", p.List.Describe())
}

// writeKinds writes how many accounts are of which kind, of the kinds that the profile
// tells apart.
func writeKinds(out io.Writer, p *profile.Profile, accounts []job.User) {
	var kinds []string
	for _, kind := range []struct {
		flag profile.Flag
		name string
		is   func(job.User) bool
	}{
		{p.User.Admin, "administrators", func(u job.User) bool { return u.Admin }},
		{p.User.ServiceAccount, "service accounts", func(u job.User) bool { return u.ServiceAccount }},
		{p.User.Disabled, "disabled", func(u job.User) bool { return u.Disabled }},
	} {
		if kind.flag != nil {
			kinds = append(kinds, fmt.Sprintf("%d %s", count(accounts, kind.is), kind.name))
		}
	}
	printf(out, "told apart\t%s\n", cmp.Or(strings.Join(kinds, ", "), "nobody: the profile has no flags"))
}

// flagText is the value of a flag, if the profile can tell it.
func flagText(flag profile.Flag, set bool) string {
	if flag == nil {
		return "not told"
	}
	return strconv.FormatBool(set)
}

// maxRoles is how many roles are shown.
const maxRoles = 10

// writeRoles writes which roles the accounts have, for DORMANT_PROTECT_ROLES.
func writeRoles(out io.Writer, accounts []job.User) {
	found := map[string]int{}
	for _, u := range accounts {
		for _, role := range u.Roles {
			found[role]++
		}
	}
	if len(found) == 0 {
		return
	}
	names := slices.SortedFunc(maps.Keys(found), func(a, b string) int { return cmp.Or(found[b]-found[a], strings.Compare(a, b)) })
	var texts []string
	for _, name := range names[:min(maxRoles, len(names))] {
		texts = append(texts, fmt.Sprintf("%.40q (%d)", name, found[name]))
	}
	if more := len(names) - maxRoles; more > 0 {
		texts = append(texts, fmt.Sprintf("%d more", more))
	}
	printf(out, "roles\t%s\n", strings.Join(texts, ", "))
}

// flagNames are what the accounts are that have a flag.
var flagNames = map[string]string{"admin": "administrator", "service_account": "service account", "disabled": "disabled"}

// writeUnmatchedFlags warns of conditions that no account fulfils, although accounts have
// values where they look. Of a built-in profile, whose values are known, only that of
// administrators is worth a look: nearly every directory has one.
func writeUnmatchedFlags(out io.Writer, p *profile.Profile, counts *profile.FieldCounts) {
	for _, c := range counts.Flags {
		if !c.Misses() || p.BuiltIn && c.Flag != "admin" {
			continue
		}
		printf(out, "warning\tflag_unmatched: no account counts as %s: none of %d on the first page has %s at %s, where there are %s (%s)\n",
			flagNames[c.Flag], c.Accounts, quoted(c.In), c.Path, c.Values(), p.Where(c.Key))
	}
}

func quoted(texts []string) string {
	var all []string
	for _, text := range texts {
		all = append(all, fmt.Sprintf("%.40q", text))
	}
	return strings.Join(all, " or ")
}

// checkTimes returns an error if most of the times of the accounts can't be read: then
// the profile reads the wrong field, or reads it wrongly.
func checkTimes(p *profile.Profile, counts *profile.FieldCounts, accounts []job.User, now time.Time) error {
	var errs []error
	misfit := func(field string, unreadable, of int) {
		if 2*unreadable <= of {
			return
		}
		example := ""
		for _, f := range counts.Fields {
			if f.Field == field && f.Unread != "" {
				example = ", such as " + job.Printable(f.Unread)
			}
		}
		errs = append(errs, fmt.Errorf("%w: %s: %d of %d values are no plausible times%s: "+
			"correct the path, or describe the values by layout and zone", job.ErrProfile, p.Where("user."+field), unreadable, of, example))
	}
	states := map[job.LoginState]int{}
	for _, u := range accounts {
		states[u.LastLogin.Normalize(u.Created, now).State]++
	}
	unreadable := states[job.LoginUnreadable]
	misfit("last_login", unreadable, unreadable+states[job.LoginKnown]+states[job.LoginTooEarly])
	for _, f := range counts.Fields {
		if f.Field == "created" {
			misfit("created", f.Unreadable, f.Values)
		}
	}
	return errors.Join(errs...)
}
