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

// keyUsed gives the account one SSH key for each duration, last used that long ago.
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

// both returns a trait that applies all the traits in order.
func both(traits ...trait) trait {
	return func(u *sandbox.User, now time.Time) {
		for _, is := range traits {
			if is != nil {
				is(u, now)
			}
		}
	}
}

// id sets the id of the account; without it, the sandbox generates one.
func id(id string) trait {
	return func(u *sandbox.User, _ time.Time) { u.ID = id }
}

// roles sets the roles or groups of the account.
func roles(names ...string) trait {
	return func(u *sandbox.User, _ time.Time) { u.Roles = names }
}

// field sets properties that only one system has, given as pairs of name and text.
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

// moment is field for a time in the layout of the system.
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

// entry is an entry of a log or a session: its kind, its age, and its fields as pairs of
// name and text. The text "now 720h" stands for the time 720 hours from now, in RFC 3339.
type entry struct {
	kind   string
	ago    time.Duration
	fields []string
}

// did gives the account exactly these entries, without the one of its last login.
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

// short gives the account the entries of a log that is kept for four weeks.
func short(u *sandbox.User, now time.Time) {
	u.Entries = []sandbox.Entry{}
	if !u.LastLogin.IsZero() && now.Sub(u.LastLogin) < 28*day {
		u.Entries = append(u.Entries, sandbox.Entry{Kind: "login", At: u.LastLogin})
	}
}

// basic sets the username and the password of the caller.
func basic(v *profile.Values, _ string) {
	*v = profile.Values{Username: "caller", Password: sandbox.DefaultSecret, Params: v.Params, Actor: v.Actor}
}

// oauth2 sets the client id and the client secret.
func oauth2(v *profile.Values, _ string) {
	v.ClientID, v.ClientSecret = sandbox.DefaultClientID, sandbox.DefaultSecret
}

// params sets the values of the profile's placeholders, as pairs of name and text. {url} in
// a text stands for the URL of the directory.
func params(pairs ...string) func(*profile.Values, string) {
	return func(v *profile.Values, url string) {
		v.Params = map[string]string{}
		for name, text := range texts(pairs) {
			v.Params[name] = strings.ReplaceAll(text, "{url}", url)
		}
	}
}

// untold returns the decisions about accounts whose special kind (administrator, service
// account) the directory does not show.
func untold(names ...string) map[string]string { return are("remove inactive", names...) }

// unknown returns the decisions about accounts whose last login is not known.
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

// allUnknown are the decisions in a directory without any last login.
var allUnknown = unknown("busy", "edge", "past", "gone", "unused", "fresh", "locked")

// judged returns a variant of a system for which only the decisions are tested.
func judged(s system, change func(*system)) system {
	s.only = []string{"decides"}
	change(&s)
	return s
}

// instead replaces texts in the body of each response, given as pairs of old and new.
func instead(pairs ...string) answers {
	replacer := strings.NewReplacer(pairs...)
	return func(_ *http.Request, _ *int, _ http.Header, body []byte) []byte {
		return []byte(replacer.Replace(string(body)))
	}
}

// lastLink sets the link to the next page in the last page.
func lastLink(text string) answers {
	return func(_ *http.Request, _ *int, _ http.Header, body []byte) []byte {
		if links := gjson.GetBytes(body, "links"); links.Exists() && !links.Get("next").Exists() {
			return bytes.Replace(body, []byte(`"links":{`), []byte(`"links":{"next":`+text+`,`), 1)
		}
		return body
	}
}

// failing answers requests with the method and the end of the path with the status and
// the body.
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
