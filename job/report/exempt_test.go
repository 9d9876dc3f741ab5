package report

import (
	"fmt"
	"strings"
	"testing"

	"dormant/job"
)

// exempting is the run with accounts that are kept although they were not used.
func exempting(r job.Report, accounts ...job.Account) job.Report {
	for i := range accounts {
		accounts[i].Action, accounts[i].Result = job.Keep, job.Kept
	}
	r.Exempt = job.ListAccounts(accounts...)
	r.Control = &job.Control{Safeguard: "CIS 5.3", M1: 10, M2: 90, M3: 3, M4: 6, M5: 1, M6: 2, Unknown: 1, EnabledDormantPercent: new(200. / 3)}
	return r
}

var (
	keptAdmin = job.Account{ID: "k1", Username: "root", Reason: job.Admin, State: job.Exempt, LastLogin: before(400), InactiveDays: new(400)}
	keptName  = job.Account{
		ID: "k2", Username: "export", Reason: job.Allowlisted, State: job.Exempt, InactiveDays: new(300),
		Until: "2027-03-31", Owner: "=ops", Note: hostile,
	}
	keptUnknown = job.Account{ID: "k3", Username: "who", Reason: job.LastLoginUnknown, State: job.UnknownUse, LoginUnknown: true}
)

// Whoever is kept although it was not used is in each format, with the reason, and with what
// the allowlist says.
func TestExempt(t *testing.T) {
	r := exempting(sample("run", false, job.Completed, job.Removed), keptAdmin, keptName, keptUnknown)
	for format, want := range map[string][]string{
		Table: {
			"\nkept, and not used since the cutoff or of unknown use:\nID  USERNAME  EMAIL  LAST LOGIN  DAYS  REASON              UNTIL       OWNER  NOTE\n" +
				"k1  root             2025-03-27   400  admin\n", "k2  export           never        300  allowlisted         2027-03-31  =ops   " + hostileVisible,
			"k3  who              unknown        -  last_login_unknown\n",
		},
		CSV: {
			"result,error,until,owner,note\r\n17,", ",inactive,removed,,,,\r\n", "k1,root,,2025-03-27T03:00:00Z,400,keep,admin,kept,,,,\r\n",
			"k2,export,,,300,keep,allowlisted,kept,,2027-03-31,'=ops," + hostileVisible, "k3,who,,,,keep,last_login_unknown,kept,,,,\r\n",
		},
		JSON: {
			`"exempt": [` + "\n    {\n      \"id\": \"k1\",", "\"error\": \"\",\n      \"state\": \"exempt\",\n      \"until\": \"2027-03-31\",\n      \"owner\": \"=ops\",\n      \"note\": ",
			`"state": "unknown"`, "\"m5\": 1,\n    \"m6\": 2,\n    \"unknown\": 1,\n    \"enabled_dormant_percent\": 66.66",
		},
		HTML: {
			"<h2>Not used, and kept</h2>", "<th>Note</th>", `<td class="whole">admin</td><td class="whole"></td><td></td><td></td></tr>`,
			`<td class="whole">2027-03-31</td><td>=ops</td><td>&lt;script&gt;`, `<td class="whole">unknown</td><td class="number">–</td>`,
			`<th>M6 / M3</th><td class="number">66.7 %</td>`,
		},
	} {
		text := write(t, format, r)
		for _, want := range want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in\n%s", format, want, text)
			}
		}
		for _, name := range []string{"k1", "k2", "k3"} {
			if n := strings.Count(text, name); n != 1 {
				t.Errorf("%s: %s is there %d times", format, name, n)
			}
		}
		plain := write(t, format, exempting(sample("run", false, job.Completed, job.Removed), keptAdmin))
		for _, word := range []string{"OWNER", ",owner", "<th>Owner", `"owner"`} {
			if strings.Contains(plain, word) {
				t.Errorf("%s: %s of nobody in\n%s", format, word, plain)
			}
		}
	}
}

// The table shows the first ones, and counts the rest.
func TestTableShowsTheFirstOfTheExempt(t *testing.T) {
	accounts := make([]job.Account, 2*shownRows)
	for i := range accounts {
		accounts[i] = keptAdmin
		accounts[i].Username = fmt.Sprintf("root-%02d-", i)
	}
	for n, more := range map[int]string{shownRows: "", shownRows + 1: "\nand 1 more: ", 2 * shownRows: "\nand 20 more: "} {
		text := write(t, Table, exempting(sample("run", false, job.Completed), accounts[:n]...))
		if got := strings.Count(text, "root-"); got != shownRows || !strings.Contains(text, more) || more == "" && strings.Contains(text, " more: ") {
			t.Errorf("%d of %d in\n%s", got, n, text)
		}
	}
}
