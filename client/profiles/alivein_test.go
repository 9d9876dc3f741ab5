package profiles_test

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestAliveInKratos cleans up a real Redmine by who is alive in a real Kratos: old accounts of
// people who have begun a session there stay, by their username or their address. Kratos is
// only read. .ci/redmine and .ci/kratos start the servers.
func TestAliveInKratos(t *testing.T) {
	r, k := connectRedmine(t), connectKratos(t)
	k.prefix, k.cutoff = r.prefix, r.cutoff
	const redmineOnly, gone, stays = "stale", "inactive", "active"
	people := []struct {
		group string
		size  int
		is    string
	}{
		{redmineOnly, 5, gone},
		{"sessionless", 4, gone},
		{"before", 2, gone}, // their session began a second before the cutoff
		{"exact", 2, stays},
		{"back", 4, stays},
		{"mailed", 1, stays}, // has another name in Redmine
		{"working", 3, stays},
	}
	ids := map[string][]string{}
	for _, p := range people {
		for i := range p.size {
			name := fmt.Sprintf("%s%s%d", r.prefix, p.group, i)
			address := strings.ToUpper(name) + "@Example.com"
			if p.group == "mailed" {
				name += "-here"
			}
			r.create(t, p.group, name, address, false, 1)
		}
		if p.group != redmineOnly && p.group != "working" {
			k.create(t, p.group, p.size)
		}
		ids[p.is] = append(ids[p.is], r.ids[p.group]...)
		r.set(r.ids[p.group], "created_on", -1000*day)
		r.set(r.ids[p.group], "last_login_on", -100*day)
	}
	r.set(r.ids["working"], "last_login_on", 85*day)

	list := func(url string) string {
		path := filepath.Join(t.TempDir(), "alive.yaml")
		if err := os.WriteFile(path, []byte("- profile: kratos\n  url: "+url+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return " DORMANT_ALIVE_IN=" + path
	}
	logged := len(k.readLog())
	onlyReads := func() {
		t.Helper()
		asked := k.requests(k.readLog()[logged:])
		for _, request := range asked {
			if !strings.HasPrefix(request.route, http.MethodGet+" ") {
				t.Errorf("Kratos was sent %s", request.route)
			}
		}
		if len(asked) == 0 {
			t.Error("Kratos was asked nothing")
		}
		logged = len(k.readLog())
	}
	const run = "run DORMANT_DRY_RUN=false DORMANT_MAX_REMOVAL_PERCENT=100"

	// Nobody has begun a session.
	o := r.dormant(t, run+list(k.url))
	o.wants(t, 3, each(slices.Concat(ids[gone], r.ids["exact"], r.ids["back"], r.ids["mailed"]), notAttempted))
	if got := o.report.Get("refusals.#.guard").Raw; got != `["alive_in"]` {
		t.Errorf("refused by %s", got)
	}
	onlyReads()

	k.insert(k.ids["before"], -time.Second, 1)
	k.insert(k.ids["exact"], 0, 1)
	for _, id := range slices.Concat(k.ids["back"], k.ids["mailed"]) {
		k.logIn(id)
	}
	logged = len(k.readLog())

	for url, code := range map[string]int{"http://127.0.0.1:1": 1, k.url + "/nowhere": 1, r.url: 1} {
		o := r.dormant(t, run+list(url)+" DORMANT_MAX_RETRIES=0")
		o.wants(t, code, nil)
		if e := o.report.Get("error").Str; !strings.HasPrefix(e, "DORMANT_ALIVE_IN: kratos "+url+": ") {
			t.Errorf("%s: %s", url, e)
		}
	}
	r.wantsAccounts(t)
	logged = len(k.readLog())

	r.dormant(t, "check"+list(k.url)).wants(t, 0, nil)
	r.dormant(t, "audit"+list(k.url)).wants(t, 0, each(ids[gone], wouldRemove))
	o = r.dormant(t, run+list(k.url))
	r.wantsRemoved(t, o, ids[gone])
	want := map[string]int{"active": len(ids[stays]), "self": 1}
	o.wantsKept(t, want)
	onlyReads()
	if left := len(strings.Fields(k.sqlite("SELECT id FROM identities"))); left != len(k.there) {
		t.Errorf("Kratos has %d identities, not %d", left, len(k.there))
	}

	// Without Kratos, they are as old as Redmine says.
	fates := each(slices.Concat(r.ids["exact"], r.ids["back"], r.ids["mailed"]), wouldRemove)
	r.dormant(t, "audit").wants(t, 0, maps.Clone(fates))
}
