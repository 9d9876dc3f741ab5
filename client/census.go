package client

import (
	"fmt"
	"strings"

	"dormant/client/profile"
	"dormant/job"
)

// check complains of paths that lead nowhere in every account. In a profile of
// one's own that is a mistake. The built-in ones are known to be right, so there
// it is the directory that does not show the field: what that means for an
// account is decided account by account.
func (c *Client) check(census *profile.Census) error {
	var nothing []string
	for _, f := range census.Absent(c.profile) {
		key := "user." + f.Field
		if c.profile.BuiltIn {
			c.log.Warn().Str(job.FieldPath, key).Int(job.FieldFound, census.Accounts).
				Msg("no account on the first page has a field that the profile reads")
			continue
		}
		nothing = append(nothing, fmt.Sprintf("%s is at %s", c.profile.Where(key), strings.Join(f.Paths, " or ")))
	}
	if len(nothing) == 0 {
		return nil
	}
	return job.WithDetail(fmt.Errorf("%w: %s; but there is nothing in any of the %d accounts on the first page: "+
		"correct the path, leave the field out, or name it under user.optional",
		job.ErrProfile, strings.Join(nothing, "; "), census.Accounts), "the first of them has "+census.Names)
}

// Census is what the first page of the last listing was like; nil before it.
func (c *Client) Census() *profile.Census { return c.census.Load() }
