package job

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"strconv"
	"strings"
	"time"
)

// PlanHead is what a plan that a person reviews is bound to. Whoever applies it has to be
// bound to the same.
type PlanHead struct {
	Directory string // as the journal calls it
	Policy    string // the spans and the actions
	Made      time.Time
	RunID     string
	Digest    string // of the plan
}

// ApprovalKey is what stands for an account in a plan under review, and what is to be done
// to it: it tells apart whatever the text of a spreadsheet may not.
type ApprovalKey [16]byte

// Key returns the key of the account with the id.
func (h PlanHead) Key(id string, action Action) ApprovalKey {
	return ApprovalKey(h.sum(id, string(action)))
}

// Check returns what shows that a line of the plan, with the key and these cells, is as it was
// written.
func (h PlanHead) Check(key ApprovalKey, cells ...string) string {
	sum := h.sum(append(cells, string(key[:]))...)
	return hex.EncodeToString(key[:]) + "-" + hex.EncodeToString(sum[:8])
}

func (h PlanHead) sum(texts ...string) []byte {
	s := sha256.New()
	writeTexts(s, h.Directory, h.Policy, h.Made.UTC().Format(time.RFC3339), h.RunID, h.Digest)
	writeTexts(s, texts...)
	return s.Sum(nil)[:len(ApprovalKey{})]
}

// writeTexts keeps apart where one text ends and the next begins.
func writeTexts(s hash.Hash, texts ...string) {
	var room [256]byte
	b := room[:0]
	for _, text := range texts {
		b = append(strconv.AppendInt(b, int64(len(text)), 10), ':')
		b = append(append(b, text...), ',')
	}
	_, _ = s.Write(b) // which never fails
}

// Approval is what a person has left in a plan. A run with it acts on nobody else.
type Approval struct {
	Head     PlanHead
	By       string // who agreed; may be empty
	Accounts map[ApprovalKey]bool
}

// clears reports whether the person has looked after the brake was tripped.
func (a *Approval) clears(b *Brake) bool { return a != nil && b != nil && !a.Head.Made.Before(b.At) }

func (a *Approval) has(c Candidate) bool { return a.Accounts[a.Head.Key(c.User.ID, c.Action)] }

// digest is that of the plan in its canonical form: the SHA-256 of its time and of the
// candidates in their order, each with what is to be done to it and why.
func (pl *Plan) digest() string {
	s := sha256.New()
	writeTexts(s, pl.At.UTC().Format(time.RFC3339Nano))
	for _, c := range pl.Candidates.All() {
		writeTexts(s, c.User.ID, string(c.Action), string(c.Reason), c.User.LastLogin.String())
	}
	return hex.EncodeToString(s.Sum(nil))
}

// keepUnapproved keeps the candidates that the person has not left in the plan.
func (pl *Plan) keepUnapproved(a *Approval) {
	pl.Candidates = slices.DeleteFunc(pl.Candidates, func(c stored) bool {
		if a.has(c.candidate()) {
			return false
		}
		pl.exempt(c, NotApproved, nil)
		return true
	})
}

// limits are those of a run: with an approval, the number that was approved takes the place of
// what bounds a number that nobody has looked at.
func (a *Approval) limits(l Limits) Limits {
	if a == nil {
		return l
	}
	l.MaxRemovals, l.MaxRemovalPercent = len(a.Accounts), 100
	return l
}

// DescribePolicy says in one line what a plan is bound to of the policy. Who is protected is
// no part of it: whoever is protected since then stays, and nobody is added to a plan.
func (p Policy) DescribePolicy(grace time.Duration) string {
	var parts []string
	add := func(name string, set bool, value any) {
		if set {
			parts = append(parts, fmt.Sprintf("%s=%v", name, value))
		}
	}
	add("inactive_for", p.InactiveFor > 0, p.InactiveFor)
	add("inactive_since", p.InactiveFor == 0, p.InactiveSince.UTC().Format(time.RFC3339))
	add("never_logged_in", true, p.NeverLoggedIn)
	add("disable_only", p.DisableOnly, true)
	add("disable_after", p.DisableAfter > 0, p.DisableAfter)
	add("require_disabled", p.RequireDisabled, true)
	add("grace", grace > 0, grace)
	return strings.Join(parts, " ")
}
