package sandbox

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// tokens are those that are good now, with their ends; zero if they have none.
type tokens struct {
	good   map[string]time.Time
	issued int
}

// issue makes a token that is good for a while.
func (t *tokens) issue(life time.Duration, now time.Time) string {
	t.issued++
	token := fmt.Sprintf("access-%d", t.issued)
	t.good[token] = now.Add(life)
	return token
}

func (t *tokens) accept(token string, now time.Time) bool {
	end, ok := t.good[token]
	return ok && (end.IsZero() || now.Before(end))
}

// ExpireTokens ends every token so far, Options.Token among them. Signing in
// gives new ones.
func (s *Server) ExpireTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens.good)
}

// known reports whether the request has a good token. A token dies with the
// account that it belongs to. The caller holds the lock.
func (s *Server) known(r *http.Request) bool {
	if s.callerID != "" && s.accounts.byID[s.callerID] == nil {
		return false
	}
	for _, accepted := range s.system.Accepts {
		name, form, _ := strings.Cut(accepted, ": ")
		before, after, _ := strings.Cut(form, "{token}")
		if token, ok := within(r.Header.Get(name), before, after); ok && s.tokens.accept(token, time.Now()) {
			return true
		}
	}
	return false
}

// caller is whom the tokens belong to. The server's mutex is held.
func (s *Server) caller() User {
	if a := s.accounts.byID[s.callerID]; a != nil {
		return a.clone()
	}
	return User{Admin: s.callerID == ""}
}
