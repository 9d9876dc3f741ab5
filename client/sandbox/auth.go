package sandbox

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
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

// known reports whether the request has a good token, or the right password. A
// token dies with the account that it belongs to. The caller holds the lock.
func (s *Server) known(r *http.Request) bool {
	if s.callerID != "" && s.accounts.byID[s.callerID] == nil {
		return false
	}
	for _, accepted := range s.system.Accepts {
		name, form, _ := strings.Cut(accepted, ": ")
		if before, after, ok := strings.Cut(form, "{basic}"); ok {
			if r.Header.Get(name) == before+s.basic()+after {
				return true
			}
			continue
		}
		before, after, _ := strings.Cut(form, "{token}")
		if token, ok := within(r.Header.Get(name), before, after); ok && s.tokens.accept(token, time.Now()) {
			return true
		}
	}
	return false
}

// basic is the caller's name and password as in RFC 7617.
func (s *Server) basic() string {
	name := s.caller().Username
	if s.callerID == "" {
		name = s.options.ClientID
	}
	return base64.StdEncoding.EncodeToString([]byte(name + ":" + s.options.Secret))
}

// caller is whom the tokens belong to. The server's mutex is held.
func (s *Server) caller() User {
	if a := s.accounts.byID[s.callerID]; a != nil {
		return a.clone()
	}
	return User{Admin: s.callerID == ""}
}

// longest is how long an assertion may be good.
const longest = time.Hour

// distrusts is why the assertion (RFC 7523) does not sign in, or nothing.
func (s *Server) distrusts(rt *route, q *request) (string, error) {
	assertion, _ := q.Body("assertion").(string)
	claims, why := verify(assertion, s.options.PublicKey)
	if why != "" {
		return why, nil
	}
	for name, claim := range rt.Assertion {
		wanted, err := claim.render(q)
		if err != nil {
			return "", err
		}
		given, _ := claims[name].(string)
		if name == "scope" {
			scopes := strings.Fields(given)
			for _, scope := range strings.Fields(wanted) {
				if !slices.Contains(scopes, scope) {
					return "the scope lacks " + scope, nil
				}
			}
		} else if given != wanted {
			return name + " is not " + wanted, nil
		}
	}
	issued, expires := moment(claims["iat"]), moment(claims["exp"])
	switch {
	case issued.IsZero() || issued.After(q.Now):
		return "iat is not a time before now", nil
	case !expires.After(q.Now) || expires.Sub(issued) > longest:
		return "exp is not a time soon", nil
	}
	return "", nil
}

// verify reads the claims of a JWT that is signed with RS256.
func verify(token string, key *rsa.PublicKey) (claims map[string]any, why string) {
	parts := strings.Split(token, ".")
	if key == nil || len(parts) != 3 {
		return nil, "there is no key, or no token"
	}
	var header struct{ Alg string }
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || !decodePart(parts[0], &header) || header.Alg != "RS256" {
		return nil, "it is not signed with RS256"
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature) != nil || !decodePart(parts[1], &claims) {
		return nil, "the signature is wrong"
	}
	return claims, ""
}

func decodePart(part string, into any) bool {
	source, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(source, into) == nil
}

// moment is a time in seconds, zero if it is none.
func moment(claim any) time.Time {
	seconds, ok := claim.(float64)
	if !ok {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0)
}
