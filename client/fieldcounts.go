package client

import (
	"fmt"
	"strings"

	"dormant/client/profile"
	"dormant/job"
)

// FieldCounts says which fields the accounts on the first page of the last listing
// had. It is nil before the first listing.
func (c *Client) FieldCounts() *profile.FieldCounts { return c.fieldCounts.Load() }

// checkFields returns an error if a field that should be there is in no account of
// the first page. In an operator's own profile, that is a mistake. The built-in
// ones are known to be right: there it means that the directory does not show the
// field to this caller, and what follows from that is decided for each account.
func (c *Client) checkFields(counts *profile.FieldCounts) error {
	var absent []string
	for _, f := range counts.Absent(c.profile) {
		key := "user." + f.Field
		if c.profile.BuiltIn {
			c.log.Warn().Str(job.FieldPath, key).Int(job.FieldFound, counts.Accounts).
				Msg("no account on the first page has a field that the profile reads")
			c.warn(job.Warning{
				Code: job.WarnFieldMissing, Subject: key,
				Message: fmt.Sprintf("none of %d accounts on the first page has %s, which profile %s reads: the credentials may not see it",
					counts.Accounts, strings.Join(f.Paths, " or "), c.profile.Name),
			})
			continue
		}
		absent = append(absent, fmt.Sprintf("%s is at %s", c.profile.Where(key), strings.Join(f.Paths, " or ")))
	}
	if len(absent) == 0 {
		return nil
	}
	return job.WithDetail(fmt.Errorf("%w: %s; but there is nothing in any of the %d accounts on the first page: "+
		"correct the path, leave the field out, or name it under user.optional",
		job.ErrProfile, strings.Join(absent, "; "), counts.Accounts), "the first of them has "+counts.Members)
}
