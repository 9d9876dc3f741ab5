package client

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"

	"dormant/client/profile"
	"dormant/job"
)

// hostile are ids that mean something else in a URL unless they are escaped.
var hostile = map[string]string{
	"1": "1", "ü": "%C3%BC", "a b": "a%20b", "a|b": "a%7Cb", "a,b": "a%2Cb", "a&b=c+d": "a&b=c+d", "@evil.test": "@evil.test", ":80": ":80",
	"{id}": "%7Bid%7D", "{token}": "%7Btoken%7D", `"`: "%22", "<x>": "%3Cx%3E", "...": "...", ".a": ".a", "*": "%2A", "😀": "%F0%9F%98%80",
}

func TestOneSegment(t *testing.T) {
	for id, segment := range hostile {
		for profile, suffix := range map[string]string{"maestro": "/users/" + segment, "itflex": "/api/users/" + segment, "redmine": "/users/" + segment + ".json"} {
			s := serve(t, routes{"DELETE " + suffix: 200, "GET " + suffix: `{"id":1,"user":{"id":1}}`})
			c := connect(t, s, builtin(t, profile))
			if err := c.Remove(t.Context(), job.User{ID: id}, agree); err != nil {
				t.Errorf("%q: %v", id, err)
			}
			want := []string{"DELETE " + suffix}
			if profile != "maestro" {
				if _, err := c.User(t.Context(), job.User{ID: id}); err != nil {
					t.Errorf("%q: %v", id, err)
				}
				want = append(want, "GET "+suffix)
			}
			s.wantRequests(t, want...)
		}
	}
}

// TestUnsafeIDs: ids that are no segment of a path before they are escaped are not
// acted on, however they are escaped.
func TestUnsafeIDs(t *testing.T) {
	s := serve(t, routes{})
	for _, id := range []string{"", ".", "..", "../1", "a/../b", `..\x`, "./", "a\x00b", "a\nb", "\u0085", " a", "a\t", "\xff", strings.Repeat("x", 600),
		"a/b", "a?b", "a#b", "a%2Fb", "..%2f", "/", "//evil.test/", "?", "#", "%", "a;b", "..;/1", "1/", "\\", "%2e%2e", "http://evil.test/x", "\u202e", "1\u200b", "．．",
	} {
		for _, profile := range []string{"maestro", "itflex", "redmine"} {
			c := connect(t, s, builtin(t, profile))
			confirmed := false
			if err := c.Remove(t.Context(), job.User{ID: id}, func(context.Context, func(job.User) error) error { confirmed = true; return nil }); !errors.Is(err, job.ErrUnsafeID) || confirmed {
				t.Errorf("%s: removes %q: %v", profile, id, err)
			}
			if _, err := c.User(t.Context(), job.User{ID: id}); err == nil {
				t.Errorf("%s: reads %q", profile, id)
			}
		}
	}
	s.wantRequests(t)
}

func FuzzPath(f *testing.F) {
	for id := range hostile {
		f.Add(id)
	}
	base := must(url.Parse("https://acme.test/prefix"))
	p := sketch(f, "", "", "params: {realm: r}\n")
	c := must(New(Options{Profile: p, URL: base, Values: profile.Values{Token: token}, Timeout: time.Second}))
	f.Fuzz(func(t *testing.T, id string) {
		if !job.SafeID(id) {
			return
		}
		for _, template := range []profile.Template{"/users/{id}", "/users/{id}.json", "/users/{id}/{realm}/x"} {
			bindings, err := c.bindings.ForAccount(job.User{ID: id}, template, profile.Body{})
			if err != nil {
				t.Fatalf("%q: %v", id, err)
			}
			target, err := c.target(template, bindings, nil)
			if err != nil {
				t.Fatalf("%q: %v", id, err)
			}
			req, err := http.NewRequest(http.MethodDelete, target.String(), nil)
			if err != nil {
				t.Fatalf("%q: %v", id, err)
			}
			got := strings.Split(req.URL.RequestURI(), "/")
			segment, err := url.PathUnescape(strings.TrimSuffix(got[3], strings.TrimPrefix(strings.Split(string(template), "/")[2], "{id}")))
			if len(got) != 2+strings.Count(string(template), "/") || got[1] != "prefix" || got[2] != "users" || segment != id || err != nil ||
				strings.ContainsAny(req.URL.RequestURI(), "?#") || req.URL.Host != base.Host {
				t.Errorf("%q: %s", id, req.URL.RequestURI())
			}
		}
	})
}

func TestRemoveCodes(t *testing.T) {
	for code, want := range map[int]error{
		200: nil, 204: nil, 404: job.ErrNotFound, 410: job.ErrNotFound, 401: job.ErrSignedOut, 403: job.ErrCredentials,
	} {
		s := serve(t, routes{"DELETE /users/1": code})
		if err := connect(t, s, builtin(t, "maestro")).Remove(t.Context(), job.User{ID: "1"}, agree); !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%d: %v", code, err)
		}
	}
	for _, code := range []int{201, 203, 205, 206, 207, 300, 304, 400, 405, 406, 409, 412, 418, 422, 423, 451, 501} {
		s := serve(t, routes{"DELETE /users/1": code})
		err := connect(t, s, builtin(t, "maestro")).Remove(t.Context(), job.User{ID: "1"}, agree)
		var status *statusError
		if !errors.As(err, &status) || status.Code != code || errors.Is(err, job.ErrNotFound) || errors.Is(err, job.ErrCredentials) {
			t.Errorf("%d: %v", code, err)
		}
		s.wantRequests(t, "DELETE /users/1")
	}
	own := builtin(t, "maestro")
	own.Remove[0].Success, own.Remove[0].Gone = []int{201}, []int{409}
	s := serve(t, routes{"DELETE /users/1": 201, "DELETE /users/2": 409, "DELETE /users/3": 404, "DELETE /users/4": 200})
	for id, want := range map[string]string{"1": "", "2": job.ErrNotFound.Error(), "3": "answered 404", "4": "answered 200"} {
		if err := connect(t, s, own).Remove(t.Context(), job.User{ID: id}, agree); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %s", id, err, want)
		}
	}
}

// TestRemoveAnswers: an answer is a success only if it comes from the API.
func TestRemoveAnswers(t *testing.T) {
	for body, ok := range map[string]bool{
		"": true, "{}": true, "null": true, "removed": true, `{"removed":"<b>1</b>"}`: true, strings.Repeat("x", 2*maxBody): false,
		"<html>Sign in</html>": false, "\r\n\t <!DOCTYPE html>": false, "<" + strings.Repeat("x", 2*maxBody): false,
	} {
		s := serve(t, routes{"DELETE /users/1": body})
		err := connect(t, s, builtin(t, "maestro")).Remove(t.Context(), job.User{ID: "1"}, agree)
		if (err == nil) != ok || errors.Is(err, job.ErrNotFound) {
			t.Errorf("%.40q: %v", body, err)
		}
		s.wantRequests(t, "DELETE /users/1")
	}
	// An answer that is cut short was given all the same, and leaves open what.
	for _, beginning := range []string{`{"removed":`, `{"id":"1","admin":false,"removed":`, `[{"error":`} {
		s := serve(t, routes{"DELETE /users/1": cut(beginning)})
		if err := connect(t, s, builtin(t, "maestro")).Remove(t.Context(), job.User{ID: "1"}, agree); !errors.Is(err, job.ErrUnclear) {
			t.Errorf("%s: %v", beginning, err)
		}
		s.wantRequests(t, "DELETE /users/1")
	}
}

func TestRemoveFollowsNoRedirect(t *testing.T) {
	var elsewhere int
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere++ }))
	defer other.Close()
	for _, code := range []int{301, 302, 303, 307, 308} {
		for _, location := range []string{other.URL + "/prefix/users/2", "/prefix/users/2", "2", "?id=2"} {
			s := serve(t, routes{"DELETE /users/1": status(code, "", "Location", location)})
			err := connect(t, s, builtin(t, "maestro")).Remove(t.Context(), job.User{ID: "1"}, agree)
			wantError(t, err, "redirect that is not followed")
			s.wantRequests(t, "DELETE /users/1")
		}
	}
	if elsewhere > 0 {
		t.Errorf("the other server saw %d requests", elsewhere)
	}
}

func TestConfirm(t *testing.T) {
	s := serve(t, routes{})
	c := connect(t, s, builtin(t, "maestro"))
	for _, no := range []error{errors.New("no"), job.ErrNotFound, context.Canceled, &statusError{Code: 503}, &statusError{Code: 404}, &connectionError{errors.New("x")}} {
		if err := c.Remove(t.Context(), job.User{ID: "1"}, func(context.Context, func(job.User) error) error { return no }); err != no { //nolint:errorlint // as it is
			t.Errorf("%v, want %v", err, no)
		}
	}
	// A 401 while looking again is not one of the removal.
	o := itflexTokens("900")
	s2 := serve(t, o)
	c, asked := connect(t, s2, builtin(t, "itflex"), signsInITFlex), 0
	no := error(&statusError{Code: 401})                                                                                                                    // before a token is asked for
	if err := c.Remove(t.Context(), job.User{ID: "1"}, func(context.Context, func(job.User) error) error { asked++; return no }); err != no || asked != 1 { //nolint:errorlint // as it is
		t.Errorf("asked %d times: %v", asked, err)
	}
	s.wantRequests(t)
	s2.wantRequests(t)
}

// TestConfirmBeforeEachRequest: a request that had no answer is not sent again if the
// account is no longer a candidate.
func TestConfirmBeforeEachRequest(t *testing.T) {
	for name, first := range map[string]any{"500": 500, "no answer": hangUp, "429": status(429, "", "Retry-After", "60")} {
		t.Run(name, func(t *testing.T) {
			bubble(t, answering(routes{"DELETE /users/1": turns(first)}), func(t *testing.T, s *server) {
				no, asked := errors.New("active again"), 0
				err := connect(t, s, builtin(t, "maestro")).Remove(t.Context(), job.User{ID: "1"}, func(context.Context, func(job.User) error) error {
					if asked++; asked != len(s.seen())+1 {
						t.Errorf("asked %d times before request %d", asked, len(s.seen())+1)
					}
					if asked == 2 {
						return no
					}
					return nil
				})
				if !errors.Is(err, no) || asked != 2 {
					t.Errorf("asked %d times: %v", asked, err)
				}
				s.wantRequests(t, "DELETE /users/1")
			})
		})
	}
}

// TestConfirmAfterNoAnswer: if confirm refuses the second attempt, the first request
// may still have been carried out.
func TestConfirmAfterNoAnswer(t *testing.T) {
	for name, row := range map[string]struct {
		answers []any
		maybe   bool
	}{
		"no request":           {nil, false},
		"no answer":            {[]any{hangUp}, true},
		"500":                  {[]any{500}, true},
		"502":                  {[]any{502}, true},
		"too fast":             {[]any{status(429, "")}, false},
		"no answer, too fast":  {[]any{hangUp, status(429, "")}, true},
		"too fast, no answer":  {[]any{status(429, ""), hangUp}, true},
		"too fast, then again": {[]any{status(429, ""), status(429, "")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, answering(routes{"DELETE /users/1": turns(row.answers...)}), func(t *testing.T, s *server) {
				no := errors.New("active again")
				err := connect(t, s, builtin(t, "maestro")).Remove(t.Context(), job.User{ID: "1"}, func(context.Context, func(job.User) error) error {
					if len(s.seen()) == len(row.answers) {
						return no
					}
					return nil
				})
				if !errors.Is(err, no) || errors.Is(err, job.ErrMaybeDone) != row.maybe {
					t.Errorf("%v; want that it may be done: %t", err, row.maybe)
				}
				if !row.maybe && err != no { //nolint:errorlint // as it is
					t.Errorf("%v, want %v", err, no)
				}
			})
		})
	}
}

// TestGoneAfterNoAnswer: an account that is gone after a request without an answer may
// have been removed by somebody else.
func TestGoneAfterNoAnswer(t *testing.T) {
	bubble(t, answering(routes{"DELETE /users/1": turns(hangUp, 502, 404)}), func(t *testing.T, s *server) {
		err := connect(t, s, builtin(t, "maestro")).Remove(t.Context(), job.User{ID: "1"}, agree)
		if wantError(t, err, "earlier request", "502"); !errors.Is(err, job.ErrNotFound) {
			t.Error(err)
		}
	})
}

func TestRemoveCancelled(t *testing.T) {
	t.Run("before", func(t *testing.T) {
		s := serve(t, routes{})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for _, change := range []func(*Options){func(*Options) {}, func(o *Options) { o.RateLimit = 1000 }} {
			if err := connect(t, s, builtin(t, "maestro"), change).Remove(ctx, job.User{ID: "1"}, agree); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}
		s.wantRequests(t)
	})
	t.Run("while it is confirmed", func(t *testing.T) {
		s := serve(t, routes{})
		ctx, cancel := context.WithCancel(t.Context())
		err := connect(t, s, builtin(t, "maestro")).Remove(ctx, job.User{ID: "1"}, func(context.Context, func(job.User) error) error { cancel(); return nil })
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		s.wantRequests(t)
	})
	for name, row := range map[string]struct {
		code int
		want error
	}{"under way, removed": {204, nil}, "under way, gone": {404, job.ErrNotFound}, "under way, refused": {403, job.ErrCredentials}} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			bubble(t, answering(routes{"DELETE /users/1": func(w http.ResponseWriter, r *http.Request) {
				cancel()
				<-time.After(10 * time.Second)
				if r.Context().Err() != nil {
					t.Error("the request was given up")
				}
				w.WriteHeader(row.code)
			}}), func(t *testing.T, s *server) {
				if err := connect(t, s, builtin(t, "maestro")).Remove(ctx, job.User{ID: "1"}, agree); !errors.Is(err, row.want) || row.want == nil && err != nil {
					t.Errorf("%v, want %v", err, row.want)
				}
			})
		})
	}
	t.Run("under way, then nothing new", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		bubble(t, answering(routes{"DELETE /users/1": turns(func(w http.ResponseWriter, _ *http.Request) {
			cancel()
			w.WriteHeader(http.StatusServiceUnavailable)
		})}), func(t *testing.T, s *server) {
			err := connect(t, s, builtin(t, "maestro")).Remove(ctx, job.User{ID: "1"}, agree)
			wantError(t, err, "503", "canceled")
		})
	})
	t.Run("under way, no answer at all", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		bubble(t, answering(routes{"DELETE /users/1": turns(func(_ http.ResponseWriter, r *http.Request) {
			cancel()
			<-r.Context().Done()
		})}), func(t *testing.T, s *server) {
			start := time.Now()
			err := connect(t, s, builtin(t, "maestro")).Remove(ctx, job.User{ID: "1"}, agree)
			if wantError(t, err, "no answer in time"); time.Since(start) != 30*time.Second {
				t.Errorf("took %s", time.Since(start))
			}
		})
	})
}

// TestDetail: a report may show the beginning of what a server says about a refusal; a
// log may not.
func TestDetail(t *testing.T) {
	jwt := strings.Repeat("eyJSECRET.", 300)
	for name, row := range map[string]struct{ token, body, want string }{
		"plain":                {token, `{"error":"owns 3 repositories"}`, `{"error":"owns 3 repositories"}`},
		"control characters":   {token, "a\r\n\x1b[31mb\x00\u202ec\tüd\xff", "a [31mb c üd\ufffd"},
		"the token":            {token, "no " + token + "!", "no ***!"},
		"twice":                {token, token + token, "******"},
		"a token that is long": {jwt, "invalid token: " + jwt, "invalid token: ***"},
		"the token at the end": {token, strings.Repeat(" ", 4*maxDetail-10) + token, "***"},
		"the token far behind": {token, "x" + strings.Repeat(" ", maxErrorBody) + token, "x"},
		"the token cut":        {token, "x" + strings.Repeat(" ", maxErrorBody-8) + token, "x"},
		"as JSON":              {password, `{"got":"pass\"word\\SECRET"}`, `{"got":"***"}`},
		"in a URL":             {refreshToken, `?t=refresh%2FSECRET%2B1`, `?t=***`},
	} {
		for _, code := range []int{409, 422} {
			s := serve(t, routes{"DELETE /users/1": status(code, row.body)})
			c := connect(t, s, builtin(t, "maestro"), func(o *Options) { o.Values.Token = profile.Secret(row.token) })
			err := c.Remove(t.Context(), job.User{ID: "1"}, agree)
			var status *statusError
			if s.heard(err); !errors.As(err, &status) || status.Code != code {
				t.Fatalf("%s: %v", name, err)
			}
			if got := status.Detail(); got != row.want || strings.Contains(err.Error(), "repositories") {
				t.Errorf("%s: detail %q, want %q; error %q", name, got, row.want, err)
			}
		}
	}
	s := serve(t, routes{"DELETE /users/1": status(422, strings.Repeat("ü ", 5000))})
	var long *statusError
	if errors.As(connect(t, s, builtin(t, "maestro")).Remove(t.Context(), job.User{ID: "1"}, agree), &long); len(long.Detail()) > maxDetail+len("…") ||
		strings.ContainsFunc(long.Detail(), unicode.IsControl) {
		t.Errorf("detail of %d bytes", len(long.Detail()))
	}
}
