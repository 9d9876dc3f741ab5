package client

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"dormant/job"
)

// An entry of no plausible time, such as a session that ends long after now, keeps its
// account, and does not hide that the account was used yesterday.
func TestEntriesOfNoPlausibleTime(t *testing.T) {
	now := time.Now()
	at := func(days int) string { return now.AddDate(0, 0, -days).UTC().Format(time.RFC3339) }
	const recent, old, future = 1, 500, -30
	entries := func(days ...int) string {
		var all []string
		for _, d := range days {
			all = append(all, fmt.Sprintf(`{"who":1,"when":%q}`, at(d)))
		}
		return `{"entries":[` + strings.Join(all, ",") + `]}`
	}
	type days = []int
	tests := []struct {
		rule           string
		login          int // days ago; 0: absent
		proofs, logins days
		want           job.Reason
	}{
		{"used yesterday, and a session that ends later", 0, days{recent, future}, nil, job.Active},
		{"the other way round", 0, days{future, recent}, nil, job.Active},
		{"a session that ends later alone", 0, days{future}, nil, job.LastLoginUnknown},
		{"used long ago, and a session that ends later", 0, days{old, future}, nil, job.LastLoginUnknown},
		{"a login yesterday, and a session that ends later", recent, days{future}, nil, job.Active},
		{"a login long ago, and a session that ends later", old, days{future}, nil, job.LastLoginUnknown},
		{"a login long ago, used yesterday, and a session that ends later", old, days{recent, future}, nil, job.Active},
		{"a login yesterday, used long ago, and a session that ends later", recent, days{old, future}, nil, job.Active},
		{"a login long ago, used long ago, and a session that ends later", 400, days{old, future}, nil, job.LastLoginUnknown},
		{"1970 tells nothing, either", old, days{20_000}, nil, job.LastLoginUnknown},
		{"a login in the log yesterday, and one later", 0, nil, days{recent, future}, job.Active},
		{"one later alone", 0, nil, days{future}, job.LastLoginUnknown},
		{"one long ago, and one later", 0, nil, days{old, future}, job.LastLoginUnknown},
		{"one later, and a login yesterday", recent, nil, days{future}, job.Active},
		{"one later, and used yesterday", 0, days{recent}, days{future}, job.Active},
		{"nothing odd", 0, days{old}, days{old}, job.Inactive},
	}
	for _, tt := range tests {
		user := `{"users":[{"id":1}]}`
		if tt.login > 0 {
			user = fmt.Sprintf(`{"users":[{"id":1,"login":%q}]}`, at(tt.login))
		}
		s := serve(t, routes{"GET /users": user, "GET /proofs": entries(tt.proofs...), "GET /logins": entries(tt.logins...)})
		const source = `{path: /%s, items: entries, account: {path: who}, at: when, coverage: %s}`
		c := connect(t, s, sketch(t, "", ", last_login: login, optional: [last_login]",
			"activity: ["+fmt.Sprintf(source, "proofs", "life")+", "+fmt.Sprintf(source, "logins", "log")+"]\n"))
		users, err := all(t, s, c)
		if err != nil || len(users) != 1 {
			t.Fatalf("%s: %v, %v", tt.rule, users, err)
		}
		p := job.Policy{InactiveFor: 90 * 24 * time.Hour}
		if got := p.Decide(users[0], now); got.Reason != tt.want {
			t.Errorf("%s: %s %s, want %s; %+v", tt.rule, got.Action, got.Reason, tt.want, users[0])
		}
	}
}
