package job

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestExplain(t *testing.T) {
	inBubble(t, append(threeDormant(), with("4", mailed("name-of-1")), with("..")), func(t *testing.T, c *cleanup) {
		c.Policy.Allowlist = entries("*-of-2")
		c.dir.users[1].Email, c.dir.users[2].Email, c.dir.users[2].Admin = "a@x", "a@x", true
		self(User{ID: "new"}, nil)(c)
		tests := []struct {
			name string
			want string // the accounts with what becomes of them
		}{
			{"2", "2 keep allowlisted"},
			{"NAME-of-2", "2 keep allowlisted"},
			{"mail-of-2@corp.example", "2 keep allowlisted"},
			{"new", "new keep self"},
			{"name-of-1", "1 keep admin, 4 remove inactive"},
			{"..", ".. keep unsafe_id"},
			{"3", "3 keep last_login_unknown"}, // the row turns out to be about 1, too
			{"nobody", ""},
			{"", ""},
		}
		for _, tt := range tests {
			c.Activity = readActivity(t, "email,last_login", "a@x,2024-01-01", "mail-of-new@corp.example,2026-07-01")
			explanations, err := c.Explain(t.Context(), tt.name, testNow)
			var got []string
			for _, e := range explanations {
				got = append(got, fmt.Sprintf("%s %s %s", e.User.ID, e.Decision.Action, e.Decision.Reason))
				if i := slices.IndexFunc(e.Rules, func(v Verdict) bool { return v.Applies }); e.Rules[i].Rule != e.Decision.Reason {
					t.Errorf("%q: decided by %s, the first rule that applies is %s", tt.name, e.Decision.Reason, e.Rules[i].Rule)
				}
			}
			if got := strings.Join(got, ", "); got != tt.want || err != nil {
				t.Errorf("%q: %s, error %v, want %s", tt.name, got, err, tt.want)
			}
		}
		list(2, errBroken)(c)
		if found, err := c.Explain(t.Context(), "new", testNow); !errors.Is(err, errBroken) || found != nil {
			t.Errorf("half of a directory: %v, %v", found, err)
		}
		self(User{}, errBroken)(c)
		if found, err := c.Explain(t.Context(), "new", testNow); !errors.Is(err, errBroken) || found != nil {
			t.Errorf("without self: %v, %v", found, err)
		}
		if slices.ContainsFunc(c.dir.asked, func(what string) bool { return what != "self" && what != "list" }) {
			t.Errorf("asked %v", c.dir.asked)
		}
	})
}
