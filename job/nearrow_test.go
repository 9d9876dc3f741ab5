package job

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A row that would be an account's if its name were written as the directory writes it
// keeps the account: it may have been used yesterday.
func TestRowsThatNearlyNameAnAccount(t *testing.T) {
	recent, old := testNow.Add(-day).Format(time.RFC3339), testNow.AddDate(-3, 0, 0).Format(time.RFC3339)
	inactive := login(testNow.AddDate(-2, 0, 0).Format(time.RFC3339))
	alice := with("17", named("alice"), mailed("alice@corp.example"), inactive)
	jose := with("18", named("jose.garcia"), inactive)
	tests := []struct {
		rule, header, row string
		want              string // the ids of those who are kept, and then the warnings
	}{
		{"separators", "username", "jose_garcia," + recent, "18: activity_near_match activity_unmatched"},
		{"accents", "username", "josé.garcía," + recent, "18: activity_near_match activity_unmatched"},
		{"a domain", "email", "jose.garcia@corp.example," + recent, "18: activity_near_match activity_unmatched"},
		{"another way to write a domain", "username", `CORP\alice,` + recent, "17: activity_near_match activity_unmatched"},
		{"what is behind a plus", "email", "alice+x@corp.example," + recent, "17: activity_near_match activity_unmatched"},
		{"what an address is for", "email", "smtp:alice@corp.example," + recent, "17: activity_near_match activity_unmatched"},
		{"zeros that a spreadsheet adds", "id", "0017," + recent, "17: activity_near_match activity_unmatched"},
		{"each of several names", "username,email", "josé.garcía,jose.garcia@corp.example," + recent, "18: activity_near_match activity_unmatched"},

		{"one of two names is somebody else's", "username,email", "josé.garcía,bob@corp.example," + recent, ": activity_unmatched"},
		{"two names of two accounts", "username,email", "josé.garcía,alice+x@corp.example," + recent, ": activity_unmatched"},
		{"a typing error", "username", "alcie," + recent, ": activity_unmatched"},
		{"another number", "id", "19," + recent, ": activity_unmatched"},
		{"an id is no username", "id", "josé.garcía," + recent, ": activity_unmatched"},
		{"a login before the cutoff", "username", "josé.garcía," + old, ": activity_unmatched"},
		{"no login", "username", "josé.garcía,", ": activity_unmatched"},
	}
	for _, tt := range tests {
		users := []User{alice, jose}
		rows := []string{tt.header + ",last_login", tt.row}
		for i := range 3 { // whom the file names as the directory does
			name := fmt.Sprintf("user.%d", i)
			if tt.header == "id" {
				name = strconv.Itoa(100 + i)
			}
			users = append(users, with(strconv.Itoa(100+i), named(name), mailed(name), login(recent)))
			rows = append(rows, strings.Repeat(name+",", strings.Count(tt.header, ",")+1)+recent)
		}
		inBubble(t, users, func(t *testing.T, c *cleanup) {
			c.Activity = readActivity(t, rows...)
			r := c.run(t.Context(), t)
			var kept []string
			for _, u := range users[:2] {
				if c.dir.requests[u.ID] == 0 {
					kept = append(kept, u.ID)
				}
			}
			got := strings.Join(kept, " ") + ": " + codes(r.Warnings)
			if got != tt.want {
				t.Errorf("%s: kept %q, want %q", tt.rule, got, tt.want)
			}
			explained, err := c.Explain(t.Context(), "jose.garcia", testNow)
			if err != nil || len(explained) > 0 && (explained[0].Decision.Action == Keep) != slices.Contains(kept, "18") {
				t.Errorf("%s: explained as %+v; %v", tt.rule, explained, err)
			}
		})
	}
}
