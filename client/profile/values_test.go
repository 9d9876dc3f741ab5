package profile

import (
	"strings"
	"testing"
)

func TestValuesCheck(t *testing.T) {
	params := func(pairs ...string) map[string]string {
		m := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return m
	}
	needs := load(t, smallest+"params: {realm: , org: acme}\n")
	for name, row := range map[string]struct {
		profile *Profile
		values  Values
		want    []string // one for each problem
	}{
		"token":         {builtin(t, "maestro"), Values{Token: "t", Actor: "a"}, nil},
		"sign in":       {builtin(t, "maestro"), Values{Username: "u", Password: "p"}, nil},
		"refresh token": {builtin(t, "itflex"), Values{ClientSecret: "s"}, nil},
		"nothing":       {builtin(t, "maestro"), Values{}, []string{"DORMANT_USERNAME and DORMANT_PASSWORD: is not set: profile maestro takes DORMANT_TOKEN, or DORMANT_USERNAME and DORMANT_PASSWORD"}},
		"half":          {builtin(t, "maestro"), Values{Username: "u"}, []string{"DORMANT_PASSWORD: is not set"}},
		"both": {builtin(t, "maestro"), Values{Token: "t", Username: "u", Password: "p"}, []string{
			"DORMANT_USERNAME: is of no use, because DORMANT_TOKEN is used: unset it, or unset DORMANT_TOKEN to sign in with DORMANT_USERNAME and DORMANT_PASSWORD",
			"DORMANT_PASSWORD: is of no use, because DORMANT_TOKEN is used: unset it, or unset DORMANT_TOKEN to sign in with DORMANT_USERNAME and DORMANT_PASSWORD",
		}},
		"of no use":               {builtin(t, "redmine"), Values{Token: "t", ClientID: "x"}, []string{"DORMANT_CLIENT_ID: is of no use"}},
		"redmine without":         {builtin(t, "redmine"), Values{}, []string{"DORMANT_TOKEN: is not set"}},
		"lines":                   {builtin(t, "redmine"), Values{Token: "t\nX: y"}, []string{"DORMANT_TOKEN: has a line break or another control character in it"}},
		"no ASCII":                {builtin(t, "redmine"), Values{Token: "gehe\u00efm"}, []string{"DORMANT_TOKEN: has characters other than those of printable ASCII"}},
		"typographic":             {builtin(t, "redmine"), Values{Token: "\u201csecret\u201d"}, []string{"DORMANT_TOKEN: has characters other than"}},
		"a mark":                  {builtin(t, "redmine"), Values{Token: "\ufeffsecret"}, []string{"DORMANT_TOKEN: has characters other than"}},
		"lines in the actor":      {builtin(t, "maestro"), Values{Token: "t", Actor: "a\r\nX: y"}, []string{"DORMANT_ACTOR: has a line break or another control character in it"}},
		"lines in a parameter":    {builtin(t, "maestro"), Values{Token: "t", Params: params("scheme", "a\nb")}, []string{"DORMANT_PARAMS"}},
		"unknown parameter":       {builtin(t, "maestro"), Values{Token: "t", Params: params("shceme", "x")}, []string{`"shceme"; it has scheme`}},
		"no parameters at all":    {builtin(t, "grafana"), Values{Username: "u", Password: "p", Params: params("a", "x")}, []string{"it has none"}},
		"a credential is no such": {builtin(t, "maestro"), Values{Token: "t", Params: params("token", "x")}, []string{`no "token"`}},
		"parameter given":         {needs, Values{Token: "t", Params: params("realm", "r")}, nil},
		"parameter missing":       {needs, Values{Token: "t"}, []string{"needs realm="}},
		"parameter empty":         {needs, Values{Token: "t", Params: params("realm", "")}, []string{"needs realm="}},
		"all at once":             {needs, Values{Password: "SECRET", Params: params("x", "y")}, []string{"DORMANT_PASSWORD: is of no use", "DORMANT_TOKEN", `"x"`, "realm"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, err := range row.values.Check(row.profile) {
				got = append(got, err.Error())
			}
			for i, want := range row.want {
				if len(got) != len(row.want) || !strings.Contains(strings.Join(got, "\n"), want) || strings.Contains(got[i], "SECRET") {
					t.Fatalf("got %q, want %q", got, row.want)
				}
			}
			if len(got) != len(row.want) {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
	if !builtin(t, "maestro").SendsActor() || builtin(t, "redmine").SendsActor() {
		t.Error("only Maestro is told who removes")
	}
}
