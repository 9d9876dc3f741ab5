package profiles_test

import (
	"bytes"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"dormant/client/profile"
	"dormant/client/sandbox"
)

// keyUsed gives the account SSH keys that were used so long ago.
func keyUsed(ago ...time.Duration) func(*sandbox.User, time.Time) {
	return func(u *sandbox.User, now time.Time) {
		for _, d := range ago {
			u.Entries = append(u.Entries, sandbox.Entry{Kind: "key", At: now.Add(-d)})
		}
	}
}

func admin(u *sandbox.User, _ time.Time)       { u.Admin = true }
func bot(u *sandbox.User, _ time.Time)         { u.Bot = true }
func guest(u *sandbox.User, _ time.Time)       { u.Guest = true }
func blocked(u *sandbox.User, _ time.Time)     { u.Disabled = true }
func deactivated(u *sandbox.User, _ time.Time) { u.Deactivated = true }
func owner(u *sandbox.User, _ time.Time)       { u.Owns = true }
func hidden(u *sandbox.User, _ time.Time)      { u.Hidden = true }
func mailless(u *sandbox.User, _ time.Time)    { u.Email = "" }
func dateless(u *sandbox.User, _ time.Time)    { u.Created = time.Time{} }

// both is an account with all of these.
func both(traits ...trait) trait {
	return func(u *sandbox.User, now time.Time) {
		for _, is := range traits {
			if is != nil {
				is(u, now)
			}
		}
	}
}

// id is an account with this id instead of one that is made up.
func id(id string) trait {
	return func(u *sandbox.User, _ time.Time) { u.ID = id }
}

// roles is an account with these roles, or in these groups.
func roles(names ...string) trait {
	return func(u *sandbox.User, _ time.Time) { u.Roles = names }
}

// field is what one system alone has: pairs of names and texts.
func field(pairs ...string) trait {
	return func(u *sandbox.User, _ time.Time) {
		fields := maps.Clone(u.Fields)
		if fields == nil {
			fields = map[string]string{}
		}
		maps.Copy(fields, texts(pairs))
		u.Fields = fields
	}
}

// moment is a field with a time as this system writes it.
func moment(name string, ago time.Duration, layout string) trait {
	return func(u *sandbox.User, now time.Time) {
		text := now.Add(-ago).Format(layout)
		field(name, text)(u, now)
	}
}

func texts(pairs []string) map[string]string {
	all := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		all[pairs[i]] = pairs[i+1]
	}
	return all
}

// entry is one in logs and lists of sessions: a kind, how long ago, and fields,
// of which {now+…} are times in RFC 3339.
type entry struct {
	kind   string
	ago    time.Duration
	fields []string
}

// did is an account with these entries alone, and not those of its last login.
func did(entries ...entry) trait {
	return func(u *sandbox.User, now time.Time) {
		u.Entries = []sandbox.Entry{}
		for _, e := range entries {
			fields := texts(e.fields)
			for name, text := range fields {
				if after, ok := strings.CutPrefix(text, "now "); ok {
					d, err := time.ParseDuration(after)
					if err != nil {
						panic(err)
					}
					fields[name] = now.Add(d).Format(time.RFC3339)
				}
			}
			u.Entries = append(u.Entries, sandbox.Entry{Kind: e.kind, At: now.Add(-e.ago), Fields: fields})
		}
	}
}

// short is a log that reaches back for four weeks.
func short(u *sandbox.User, now time.Time) {
	u.Entries = []sandbox.Entry{}
	if !u.LastLogin.IsZero() && now.Sub(u.LastLogin) < 28*day {
		u.Entries = append(u.Entries, sandbox.Entry{Kind: "login", At: u.LastLogin})
	}
}

// basic signs in as the caller, with the password.
func basic(v *profile.Values, _ string) {
	*v = profile.Values{Username: "caller", Password: sandbox.DefaultSecret, Params: v.Params, Actor: v.Actor}
}

// oauth2 are client credentials.
func oauth2(v *profile.Values, _ string) {
	v.ClientID, v.ClientSecret = sandbox.DefaultClientID, sandbox.DefaultSecret
}

// params are what the profile's placeholders stand for; {url} is the directory's.
func params(pairs ...string) func(*profile.Values, string) {
	return func(v *profile.Values, url string) {
		v.Params = map[string]string{}
		for name, text := range texts(pairs) {
			v.Params[name] = strings.ReplaceAll(text, "{url}", url)
		}
	}
}

// untold are the decisions where the directory tells no such accounts from others.
func untold(names ...string) map[string]string { return are("remove inactive", names...) }

// unknown are the decisions about accounts whose last login is not known.
func unknown(names ...string) map[string]string { return are("keep last_login_unknown", names...) }

func are(decision string, names ...string) map[string]string {
	want := map[string]string{}
	for _, name := range names {
		want[name] = decision
	}
	return want
}

func merge(all ...map[string]string) map[string]string {
	want := map[string]string{}
	for _, some := range all {
		maps.Copy(want, some)
	}
	return want
}

// allUnknown are the decisions where nothing tells of a last login.
var allUnknown = unknown("busy", "edge", "past", "gone", "unused", "fresh", "locked")

// judged is a variant of a system of which nothing but the decisions are of interest.
func judged(s system, change func(*system)) system {
	s.only = []string{"decides"}
	change(&s)
	return s
}

// instead is an answer with one text in the place of another.
func instead(pairs ...string) answers {
	replacer := strings.NewReplacer(pairs...)
	return func(_ *http.Request, _ *int, _ http.Header, body []byte) []byte {
		return []byte(replacer.Replace(string(body)))
	}
}

// lastLink is what stands for the link to the next page on the last one.
func lastLink(text string) answers {
	return func(_ *http.Request, _ *int, _ http.Header, body []byte) []byte {
		if links := gjson.GetBytes(body, "links"); links.Exists() && !links.Get("next").Exists() {
			return bytes.Replace(body, []byte(`"links":{`), []byte(`"links":{"next":`+text+`,`), 1)
		}
		return body
	}
}

// failing answers requests of that kind with the status and the body.
func failing(method, suffix string, code int, text string) answers {
	return func(r *http.Request, status *int, _ http.Header, body []byte) []byte {
		if r.Method != method || !strings.HasSuffix(r.URL.Path, suffix) {
			return body
		}
		*status = code
		return []byte(text)
	}
}

func below(prefix string, lines []string) []string {
	var all []string
	for _, line := range lines {
		method, path, _ := strings.Cut(line, " ")
		all = append(all, method+" "+prefix+path)
	}
	return all
}
