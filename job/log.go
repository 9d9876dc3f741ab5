package job

// The names of the fields in the logs. Accounts are identified by their id alone;
// usernames, emails and credentials are never logged.
const (
	FieldRunID     = "run_id"
	FieldCommand   = "command"
	FieldProfile   = "profile"
	FieldURL       = "url"
	FieldDryRun    = "dry_run"
	FieldOutcome   = "outcome"
	FieldDuration  = "duration_seconds"
	FieldCutoff    = "cutoff"
	FieldUserID    = "user_id"
	FieldReason    = "reason"
	FieldLastLogin = "last_login"
	FieldGuard     = "guard"
	FieldFound     = "found"
	FieldAllowed   = "allowed"
	FieldVariable  = "variable"
	FieldParam     = "param"
	FieldWarning   = "warning"
	FieldEntry     = "entry"
	FieldNote      = "note"
	FieldOperation = "operation"
	FieldAttempt   = "attempt"
	FieldWait      = "wait_seconds"
	FieldPath      = "path"
	FieldAddress   = "address"
	FieldNextRun   = "next_run"

	FieldRemovableAt = "removable_at"

	FieldScanned      = "scanned"
	FieldCandidates   = "candidates"
	FieldRemoved      = "removed"
	FieldDisabled     = "disabled"
	FieldAccepted     = "accepted"
	FieldRefused      = "refused_by_directory"
	FieldAlreadyGone  = "already_gone"
	FieldFailed       = "failed"
	FieldNotAttempted = "not_attempted"
	FieldKept         = "kept"
)
